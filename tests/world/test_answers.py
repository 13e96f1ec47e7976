"""Answers of what no world has: how they are given, and which of several counts."""

from __future__ import annotations

import pickle

import pytest

from eximsim.errors import InputError, Unanswered
from eximsim.ports import Told
from eximsim.world.answers import Answers, given_answer, given_variable, read_answers, told


def answers(text: str) -> Answers:
    return Answers().with_more(read_answers(text, "answers.toml"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a.example", Told("a.example")),
        ("", Told("")),
        ("!none", Told()),
        ("!defer", Told(deferred=True)),
        ("!defer no server", Told(deferred=True, error="no server")),
        ("!status 2 some output", Told("some output", status=2)),
        ("!status 1", Told("", status=1)),
        (r"\\!none", Told("!none")),
    ],
)
def test_an_answer_is_a_text_or_one_of_the_words(text: str, said: Told) -> None:
    assert answers(f'[run]\n"/bin/x" = "{text}"\n').ask("run", "/bin/x") == said


def test_a_question_given_word_for_word_comes_before_patterns_and_the_first_pattern_counts() -> None:
    known = answers('[redis]\n"get *" = "some"\n"*" = "any"\n"get a" = "one"\n')
    assert [known.ask("redis", text).value for text in ("get a", "get b", "del a")] == ["one", "some", "any"]


def test_a_star_in_a_question_is_one_of_its_own_too() -> None:
    assert answers('[mysql]\n"select * from t where x=1" = "y"\n').ask("mysql", "select * from t where x=1")


def test_a_question_without_an_answer_says_how_to_give_it() -> None:
    with pytest.raises(Unanswered) as problem:
        answers('[mysql]\n"a" = "b"\n').ask("mysql", "select 'x'")
    assert problem.value.remedy == """--answer "mysql:select 'x'=VALUE", or =!none, or =!defer"""
    odd = Unanswered("mysql", "select\t'a\\b'\n from \x7f\udcff")
    assert odd.remedy.split(",")[0] == r"--answer $'mysql:select\t\'a\\b\'\n from \x7f\xff=VALUE'"
    with pytest.raises(Unanswered) as problem:
        Answers().ask("env", "HOST")
    assert problem.value.remedy == "--env HOST=VALUE, or --answer 'env:HOST=!none'"


def test_the_last_equals_sign_of_an_argument_counts() -> None:
    assert given_answer("mysql:SELECT a WHERE b=c=d") == ("mysql", "SELECT a WHERE b=c", Told("d"))
    assert given_variable("A=b=c") == ("env", "A", Told("b=c"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[nobody]\n"a" = "b"\n', "nothing asks 'nobody'"),
        ('mysql = "x"\n', "mysql: expected a table"),
        ("[mysql]\na = 1\n", "mysql: a: expected a text"),
        ('[mysql]\na = "!never"\n', "mysql: a: '!never': expected a text"),
        ("[mysql\n", "answers.toml:1"),
    ],
)
def test_a_file_that_does_not_say_what_it_should_is_one_line(text: str, message: str) -> None:
    with pytest.raises(InputError, match=r"answers\.toml") as problem:
        answers(text)
    assert message in str(problem.value)


def test_answers_reach_other_processes() -> None:
    known = Answers().with_more([("run", "a*", told("b"))])
    assert pickle.loads(pickle.dumps(known)).find("run", "ax") == told("b")  # what was just made
    assert pickle.loads(pickle.dumps(Answers())) == Answers()
