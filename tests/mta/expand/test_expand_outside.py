"""What an expansion makes of the answers of commands, sockets and services, and how it quotes its questions.

The expected texts are those of ``exim -be`` of 4.95, 4.98.2 and the newest program, with real commands.
"""

from __future__ import annotations

import pytest

from eximsim.errors import Unanswered
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.process.globals import Process
from eximsim.ports import Told
from eximsim.world.answers import Answers
from tests.mta.routing_world import site

SAID = {
    "run": {
        "/bin/echo a b": Told("a b\n"),
        "/bin/echo a b c  d": Told("a b c  d\n"),
        "/bin/echo a b 0": Told("a b 0\n"),
        "/bin/sh -c echo out; exit 3": Told("out\n", status=3),
        "/nowhere": Told(),
        "/no/fork": Told(deferred=True),
    },
    "perl": {"f a": Told("x"), "undef": Told(), "dies": Told(deferred=True, error="died at line 1")},
    "dlfunc": {"/x f": Told("y"), "/x fail": Told(), "/x error": Told(deferred=True, error="bad")},
    "readsocket": {"/there ask": Told("one\ntwo\n"), "/nowhere ask": Told()},
    "authresults": {"here": Told("Authentication-Results: here; none")},
    "env": {"KEPT": Told("v")},
    "pam": {"good:pw": Told("yes"), "bad:pw": Told(), "gone:pw": Told(deferred=True, error="no PAM")},
    "crypteq": {"pw $1$x$y": Told("yes"), "no $1$x$y": Told("no")},
    "stat": {"/there": Told("mode=0644 size=1"), "/nowhere": Told()},
    "variable": {"load_average": Told("120")},
}


def process(release: str = "4.99") -> Process:
    made = site(main="perl_startup = x\nkeep_environment = KEPT : OTHER\n", release=release)
    made.world.answers = Answers(SAID)
    made.process.machine.environment_known = False
    return made.process


def outcome(text: str, release: str = "4.99") -> str:
    """The expansion, or its error, marked ``!`` or, if it was forced, ``!!``."""
    try:
        return expand(process(release), text)
    except ExpansionFailed as error:
        return ("!!" if error.forced else "!") + error.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${run{/bin/echo a b}}", "a b\n"),
        ("${run{/bin/echo a b}{<$value>}{no}} $runrc", "<a b\n> 0"),
        ("${run{/bin/sh -c 'echo out; exit 3'}{yes}{no $value}}$runrc", "no out\n3"),
        ("${run{/nowhere}}|$runrc", "|1"),
        ("${run{/no/fork}}", "!couldn't create child process: Resource temporarily unavailable"),
        ('${run{/bin/echo "${lc:A B}" $runrc}}', "a b 0\n"),
        ("${run,preexpand{/bin/echo ${quote:a b} 'c  d'}}", "a b c  d\n"),
        ("${if eq{a}{b}{${run{/not/asked}}}{fine}}", "fine"),
        ("${perl{f}{a}}", "x"),
        ("${perl{undef}}", '!!Perl subroutine "undef" returned undef to force failure'),
        ("${perl{dies}}", "!died at line 1"),
        ("${dlfunc{/x}{f}}", "y"),
        ("${dlfunc{/x}{fail}}", "!!(no message)"),
        ("${dlfunc{/x}{error}}", "!bad"),
        ("${readsocket{/there}{ask\\n}{1s}{;}}", "one;two;"),
        ("${readsocket{/there}{ask}}", "one\ntwo\n"),
        ("${readsocket{/nowhere}{ask}{1s}{}{failed}}", "failed"),
        ("${readsocket{/nowhere}{ask}}", "!failed to connect to socket /nowhere: Connection refused"),
        ("${authresults{here}}", "Authentication-Results: here; none"),
        ("${env{KEPT}{<$value>}{n}} ${env{GONE}{y}{n}}", "<v> n"),
        ("${if pam{good:pw}{y}{n}}${if pam{bad:pw}{y}{n}}${if !pam{bad:pw}{y}{n}}", "yny"),
        ("${if pam{gone:pw}{y}{n}}", "!no PAM"),
        ("${if crypteq{test}{\\{md5\\}098f6bcd4621d373cade4e832627b4f6}{y}{n}}", "y"),
        ("${if crypteq{test}{\\{MD5\\}CY9rzUYh03PK3k6DJie09g==}{y}{n}}", "y"),
        ("${if crypteq{test}{\\{sha1\\}A94A8FE5ccb19ba61c4c0873d391e987982fbbd3}{y}{n}}", "y"),
        ("${if crypteq{test}{\\{sha1\\}x}{y}{n}}", "n"),
        ("${if crypteq{test}{\\{foo\\}x}{y}{n}}", '!unknown encryption mechanism in "{foo}x"'),
        ("${if crypteq{pw}{\\$1\\$x\\$y}{y}{n}}${if crypteq{no}{\\$1\\$x\\$y}{y}{n}}", "yn"),
        ("${if crypteq{pw}{}{y}{n}}", "n"),
        ("${stat:/there}", "mode=0644 size=1"),
        ("${stat:/nowhere}", "!stat(/nowhere) failed: No such file or directory"),
        ("$load_average", "120"),
    ],
)
def test_an_answer_becomes(text: str, expected: str) -> None:
    assert outcome(text) == expected


def test_since_4_96_the_words_of_a_command_are_expanded_one_by_one() -> None:
    text = "${run{/bin/echo ${quote:a b} 'c  d'}}"
    assert outcome(text, "4.95") == "a b c  d\n"
    assert outcome(text) == (
        '!Expansion of "${quote:a" from command "/bin/echo ${quote:a b} \'c  d\'" in ${run} expansion'
        " failed: missing } at end of string"
    )


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("${run{/bin/x 'a b'}}", "run:/bin/x a b"),
        ("${env{OTHER}}", "env:OTHER"),
        ("${if saslauthd{{user}{pw}}{y}}", "saslauthd:user pw"),
        ("$spool_space", "variable:spool_space"),
        ("${lookup redis{get a}}", "redis:get a"),
        ("${lookup{k}cdb{/file}}", "cdb:/file k"),
        ("${lookup{k}dsearch{/folder}}", "dsearch:/folder/k"),
    ],
)
def test_what_has_no_answer_is_asked_for(text: str, question: str) -> None:
    with pytest.raises(Unanswered) as problem:
        outcome(text)
    assert f"{problem.value.kind}:{problem.value.question}" == question


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"""${quote_mysql:a'b"c\\d\ne}""", r"""a\'b\"c\\d\ne"""),
        (r"""${quote_pgsql:a'b"c\\d\ne}""", r"""a''b\"c\\d\ne"""),
        ("""${quote_sqlite:a'b"c}""", """a''b"c"""),
        (r"${quote_redis:a b\tc\\d}", "a\\ b\\\tc\\\\d"),
        ("${quote_ldap:a*b(c) d+e,f}", "a%5C2Ab%5C28c%5C29%20d+e%2Cf"),
        ("${quote_ldap_dn: #a,b+c d;e  }", "%5C%20%5C%23a%5C%2Cb%5C+c%20d%5C%3Be%5C%20%5C%20"),
        ("${quote_ldap_x:a}", '!"x" unrecognized after "${quote_ldap"'),
        ("${quote_mysql_x:a}", '!"x" unrecognized after "${quote_mysql"'),
        ("${quote_lsearch:a}", "a"),
        ('${quote_nisplus:a"b}', 'a""b'),
    ],
)
def test_a_text_is_quoted_for_its_database(text: str, expected: str) -> None:
    assert outcome(text) == expected


def test_what_add_environment_says_is_there_or_gone() -> None:
    made = site(main="keep_environment = *\nadd_environment = ADDED=x : GONE\n")
    made.process.environment = {"GONE": "y", "KEPT": "z"}
    assert expand(made.process, "${env{ADDED}{$value}{no}} ${env{GONE}{$value}{no}} ${env{KEPT}}") == "x no z"


def test_the_size_of_a_file_that_is_given_is_known_without_an_answer() -> None:
    made = site(files={"/sized": b"12345"})
    made.world.answers = Answers(SAID)
    here = made.process
    assert expand(here, "${if >{${extract{size}{${stat:/sized}}}}{4}{yes}{no}}") == "yes"
    assert expand(here, "${extract{size}{${stat:/there}}}") == "1"
    with pytest.raises(Unanswered):
        expand(here, "${extract{mtime}{${stat:/sized}}}")
    here.machine.hints_known = True
    with pytest.raises(ExpansionFailed, match=r"stat\(/none\) failed: No such file or directory"):
        expand(here, "${extract{size}{${stat:/none}}}")


def test_how_often_the_program_was_built_is_known() -> None:
    assert expand(process("4.96-debian12"), "$compile_number") == "2"
