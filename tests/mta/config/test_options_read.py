"""An option that is said to be modelled is read by the model."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import eximsim.mta
from eximsim.mta.config.optionlist import Kind, Option, Status, Table
from eximsim.mta.config.options_drivers import (
    MODELLED_ROUTERS,
    MODELLED_TRANSPORTS,
    ROUTER,
    ROUTERS,
    TRANSPORT,
    TRANSPORTS,
)
from eximsim.mta.config.options_main import MAIN

SOURCE = Path(eximsim.mta.__path__[0])
GROUPS = {
    "main": MAIN,
    "router": ROUTER,
    "transport": TRANSPORT,
    **{name: ROUTERS[name] for name in sorted(MODELLED_ROUTERS)},
    **{name: TRANSPORTS[name] for name in sorted(MODELLED_TRANSPORTS)},
}
MODELLED = [
    pytest.param(option, id=f"{group}.{name}")
    for group, table in GROUPS.items()
    for name, option in table.items()
    if option.status is Status.MODELLED and option.stands_for is None
]


def named_in_code() -> frozenset[str]:
    """All string constants of the model, but for those of the option tables."""
    paths = [path for path in SOURCE.rglob("*.py") if not path.name.startswith("option")]
    nodes = (node for path in paths for node in ast.walk(ast.parse(path.read_text())))
    return frozenset(
        node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


NAMED = named_in_code()


@pytest.mark.parametrize("option", MODELLED)
def test_a_modelled_option_is_named_in_the_model(option: Option) -> None:
    if option.kind is Kind.FLAG_PAIR:
        assert {f"{option.name}_sender", f"{option.name}_recipient"} <= NAMED
    else:
        assert option.name in NAMED


def test_a_name_that_is_nowhere_would_be_missed() -> None:
    assert "dane_require_everything" not in NAMED


def test_an_inert_option_is_not_asked_for() -> None:
    inert = {
        option.name
        for table in GROUPS.values()
        for option in table.values()
        if option.status is Status.INERT
        and not any(is_modelled(option.name, other) for other in GROUPS.values())
    }
    assert sorted(inert & asked_for()) == []


def is_modelled(name: str, table: Table) -> bool:
    return name in table and table[name].status is Status.MODELLED


def asked_for() -> frozenset[str]:
    """The names in ``options.text("...")`` and its kin."""
    getters = {"text", "flag", "number", "seconds", "times", "host_is_in", "client_in"}
    nodes = (node for path in SOURCE.rglob("*.py") for node in ast.walk(ast.parse(path.read_text())))
    return frozenset(
        call.args[0].value
        for call in nodes
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in getters
        and call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    )  # fmt: skip
