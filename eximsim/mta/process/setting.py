"""Variables that have a value for a while."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class HasVariables(Protocol):
    """A process, as far as its variables go."""

    variables: dict[str, str]


OF_CALLS = (
    "tls_out_",
    "sending_",
    "transport_name",
    "lookup_dnssec_authenticated",
    "host_address",
    "host_port",
)
"""What the variables begin with that calls to hosts leave."""


class Setting:
    """See ``Process.setting``; it is entered so often that a generator would be felt."""

    __slots__ = ("_before", "_process", "_values")

    def __init__(self, process: HasVariables, values: Mapping[str, str | None]) -> None:
        self._process, self._values = process, values
        self._before: Mapping[str, str | None] = values

    def __enter__(self) -> None:
        get = self._process.variables.get
        self._before = {name: get(name) for name in self._values}
        self._assign(self._values)

    def __exit__(self, *_: object) -> None:
        self._assign(self._before)

    def _assign(self, values: Mapping[str, str | None]) -> None:
        variables = self._process.variables
        for name, value in values.items():
            if value is None:
                variables.pop(name, None)
            else:
                variables[name] = value
