"""A small tree of our own, laid out as Exim's test/ folder is."""

from __future__ import annotations

from pathlib import Path

from tests.writing import write_files

RULES = r"""#! /usr/bin/perl
sub new_value {
return $_[0];
}
sub date_seconds {
return 0;
}
sub munge {
open(IN, $_[0]) || die "no file";
while(<IN>)
  {
  s/\b$parm_caller\b/CALLER/g;
  s/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S{16} /TIME ID /;
  s/ S=\d+//;
  s/^> one/> first/ if $_[0] =~ /stdout/;
  print MUNGED;
  }
}
# (ppppp |\d+ )?setsockopt FASTOPEN
$munges =
  { 'none' => {}
  };
"""
CONF = """exim_path = EXIM_PATH
spool_directory = DIR/spool
log_file_path = DIR/spool/log/%slog
gecos_pattern = ""
gecos_name = CALLER_NAME
tls_advertise_hosts =
keep_environment =
qualify_domain = test.ex
begin routers
all:
  driver = accept
  transport = file
begin transports
file:
  driver = appendfile
  file = DIR/test-mail/$local_part_data
  user = CALLER
"""
TREE = {
    "runtest": RULES,
    "scripts/0000-Basic/0001": "# who and what\nexim -be\n$version_number $caller_uid\n****\n",
    "scripts/0000-Basic/0002": '# a delivery\nexim -odi "nobody\'s"\nhello\n****\n',
    "scripts/0000-Basic/0003": "# too long\nsleep 30\n",
    "scripts/0000-Basic/0004": "# no file\n1\ncat DIR/not-there\n",
    "scripts/0000-Basic/0006": "# three commands\n"
    "exim -be\none\n****\nexim -be\ntwo\n****\nexim -be\nthree\n****\n",
    "scripts/9000-special/9001": "# by its number only\nexim -be\n$version_number $caller_uid\n****\n",
    "scripts/0005_any_name/0005": "# lacks\nexim -be\n****\n",
    "scripts/0005_any_name/REQUIRES": "support Cold_Fusion\n",
    "stdout/0001": "> x.yz 1000\n> \n",
    "scripts/0007_service/0007": "# a service\nexim -be\n$version_number $caller_uid\n****\n",
    "scripts/0007_service/REQUIRES": "running redis\n",
    "scripts/0000-Basic/0008": "# beside\nsudo rm -f test-stdout\n"
    "background\n/bin/echo here\n****\nkilldaemon\n",
    "scripts/0000-Basic/0009": "# what the kernel has learned\nsudo perl\n"
    "print `ip tcp_metrics show HOSTIPV4` =~ /fo_cookie/ ? qq(known\\n) : qq(unknown\\n);\n"
    "system('ip tcp_metrics delete HOSTIPV4');\n****\n",
    "stdout/0009": "known\n",
    "scripts/0000-Basic/0010": "# the programs of the suite\nsudo perl\nsystem('DIR/bin/showids');\n****\n"
    "server PORT_S\n220 hello\n*eof\n****\nclient 127.0.0.1 PORT_S\n??? 220\n****\n"
    "exim -be\n${lookup dnsdb{a=a.test.ex}}\n****\n",
    "dnszones-src/db.test.ex": "a A 10.0.0.1\n",
    "stdout/0010": "uid=0 gid=0 euid=0 egid=0\n"
    "Connecting to 127.0.0.1 port 1224 ... connected\n??? 220\n<<< 220 hello\nEnd of script\n"
    "> 10.0.0.1\n> \n\n******** SERVER ********\n"
    "Listening on port 1224 ... \nConnection request from [127.0.0.1]\n220 hello\n"
    "Expected EOF read from client\nEnd of script\n",
    "scripts/0000-Basic/0011": "# a module\nexim -be\n${dlfunc{DIR/bin/loaded}{dltest1}{x}}\n****\n",
    "stdout/0007": "> x.yz 1000\n> \n",
    "stdout/0008": "here\n",
    "stdout/9001": "> x.yz 1000\n> \n",
    "stdout/0006": "> first\n> \n> other\n> \n> three\n> \n",
    "stdout/0004": "",
    "stderr/0004": "cat: /eximsim/test/not-there: No such file or directory\n",
}


def write_tree(root: Path) -> Path:
    """Write it into a folder; returns the folder."""
    confs = {f"confs/{Path(name).name}": CONF for name in TREE if name[-4:].isdigit()}
    write_files(root, {**TREE, **confs})
    for name in ("log", "aux-fixed", "aux-var-src", "dnszones-src", "src", "mail"):
        (root / name).mkdir(exist_ok=True)
    return root
