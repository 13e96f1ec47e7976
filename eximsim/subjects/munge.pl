# Normalises a test's outputs with the tree's own rules: the subroutine "munge" of its runtest.
# Started by suite.tree_rules inside the namespace, in the test directory. Standard input has lines of
# fields between tabs: "set NAME VALUE" gives one of runtest's variables a value; "choose NAME" chooses the
# munge of that name; "file N KEY CLIENT SERVER" has one output normalised into out/N (SERVER may be empty);
# "name N TEXT" has the name of a message log normalised into it. "go" has done what was said before it, in a
# process of its own that knows of nothing else: the answer is one line, "done" or what went wrong.
use strict;
use warnings;

my ($runtest) = @ARGV;
open(my $in, '<', $runtest) or die "$runtest: $!\n";
my $text = do { local $/; <$in> };
close($in);

# what the rules ask of a listening socket
package Listening;
sub opened { return 1; }
sub sockport { return ${$_[0]}; }

package main;

sub rule {
  my ($what, $pattern) = @_;
  $text =~ $pattern or die "$runtest: no $what here\n";
  my $code = $1;
  $code =~ s/\$>/\$parm_caller_uid/g;    # who we are is the caller there
  no strict;
  no warnings;
  eval "package main; no strict; no warnings; $code; 1" or die "$runtest: $what: $@";
}

eval { require Time::Local; Time::Local->import('timelocal'); 1 } or die "no Time::Local: $@";

while ($text =~ /^my (\$re_\w+ = qr.*;)$/mg) {
  no strict;
  eval "$1; 1" or die "$runtest: $1: $@";
}
rule("sub $_", qr/^(sub \Q$_\E\b.*?^\})/ms) for qw(new_value date_seconds munge);
rule('$munges', qr/^(\$munges\s*=\s*\{.*?^\s*\};)/ms);
while ($text =~ /^\s*(\$next_\w+) = ("\w+"|\d+);/mg) {
  no strict;
  eval "$1 = $2; 1" or die $@;
}

sub all_done {
  my $chosen;
  for my $line (@_) {
    my ($do, @fields) = split /\t/, $line, -1;
    no strict 'refs';
    if ($do eq 'set') {
      my ($name, $value) = @fields;
      ${"main::$name"} = $name eq 'dynamic_socket' ? bless(\$value, 'Listening') : $value;
    }
    elsif ($do eq 'choose') {
      $chosen = ${'main::munges'}->{ $fields[0] };    # runtest takes a name that is none for nothing
    }
    elsif ($do eq 'name') {
      my ($number, $name) = @fields;
      $name =~ s/((?:[^\W_]{6}-){2}[^\W_]{2})
        /new_value($1, '10Hm%s-0005vi-00', defined ${'main::next_msgid_old'} ? \${'main::next_msgid_old'} : \${'main::next_msgid'})/egx;
      $name =~ s/([^\W_]{6}-[^\W_]{11}-[^\W_]{4})
        /new_value($1, '10Hm%s-000000005vi-0000', \${'main::next_msgid'})/egx;
      open(my $out, '>', "out/$number") or die "out/$number: $!\n";
      print $out $name;
      close($out);
    }
    else {
      my ($number, $key, $client, $server) = @fields;
      open(MUNGED, '>', "out/$number") or die "out/$number: $!\n";
      munge($client, $chosen->{$key}) if -e $client;
      if ($server ne '' && -e $server) {
        print MUNGED "\n******** SERVER ********\n";
        munge($server, $chosen->{$key});
      }
      close(MUNGED);
    }
  }
}

$| = 1;
my @lines;
while (my $line = <STDIN>) {
  chomp $line;
  if ($line ne 'go') {
    push @lines, $line;
    next;
  }
  my $pid = open(my $child, '-|') // die "fork: $!\n";
  if (!$pid) {
    exit 0 if eval { all_done(@lines); 1 };
    print "failed: $@";
    exit 1;
  }
  my $said = do { local $/; <$child> } // '';
  $said = close($child) ? 'done' : $said || "ended with $?";
  $said =~ s/\s+/ /g;
  print "$said\n";
  @lines = ();
}
