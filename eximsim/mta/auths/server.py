"""What the authenticators of a server have in common (src/auths/get_data.c, check_serv_cond.c, README)."""

from __future__ import annotations

import base64
from collections.abc import Generator
from enum import Enum

from eximsim.errors import Unsupported
from eximsim.mta.auths.get_data import b64decode
from eximsim.mta.base.string import from_octets
from eximsim.mta.config.drivers import DriverInstance
from eximsim.mta.expand.debug_print import debug_print_string
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.process.globals import Process
from eximsim.quick_dataclass import dataclass

_AUTH_VARIABLES = 4
_MOST_VARIABLES = 20
"""``EXPAND_MAXN``."""


class Outcome(Enum):
    """What an authenticator's server function returns (src/auths/README)."""

    OK = "authenticated"
    FAIL = "wrong data"
    DEFER = "it cannot be told now"
    BAD64 = "not base 64"
    CANCELLED = "given up by the client"
    UNEXPECTED = "data with the AUTH command"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an attempt ended, and if it was put off, ``why`` (for the log; None: as last time), and what the
    client is told of that."""

    outcome: Outcome
    why: str | None = None
    told: str | None = None


class Over(Exception):
    """The exchange ends in the middle."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(outcome)


Exchange = Generator[str, bytes | None, Verdict]
"""An attempt under way: gives what comes after ``334 ``, and is sent the client's line (None: too long)."""
Reading = Generator[str, bytes | None, bytes]


@dataclass(frozen=True, slots=True)
class Server:
    """One authenticator at work for one client; ``data`` is what came with the AUTH command."""

    process: Process
    authenticator: DriverInstance
    data: str

    def text(self, option: str) -> str | None:
        """A string option, unexpanded."""
        return self.authenticator.options.text(option)

    def expanded(self, option: str) -> str | None:
        """A string option, expanded."""
        text = self.text(option)
        if text is None:
            return None
        try:
            return expand(self.process, text)
        except ExpansionFailed as failure:
            what = f"{option} that does not expand ({failure.message})"
            raise Unsupported(what, *self.authenticator.options.where(option)) from None

    def debug_print(self) -> None:
        """Show server_debug_print to whoever watches."""
        debug_print_string(self.process, self.text("server_debug_print"))

    def set_auth(self, number: int, item: str) -> None:
        """Give ``$auth1`` and its kin a value."""
        if number <= _AUTH_VARIABLES:
            self.process.variables[f"auth{number}"] = item

    @property
    def count(self) -> int:
        """How many items there are (``expand_nmax``)."""
        return len(self.process.numeric) - 1

    @property
    def is_full(self) -> bool:
        """Whether no more items are taken."""
        return self.count >= _MOST_VARIABLES

    def take(self, data: bytes, *, empty: bool) -> None:
        """Make variables of decoded data, cut at zeros; ``empty``: no data at all is one item."""
        items = data.split(b"\0")
        if len(items) > 1 or not empty:
            items = items if items[-1] else items[:-1]
        for item in items:
            if not self.is_full:
                text = from_octets(item)
                self.set_auth(self.count + 1, text)
                self.process.numeric = (*self.process.numeric, text)


def get_line(challenge: str) -> Reading:
    """Ask for a line with a challenge as it is sent (``auth_get_no64_data()``)."""
    line = yield challenge
    if line is None:
        raise Over(Outcome.BAD64)
    line = line.partition(b"\0")[0]
    if line == b"*":
        raise Over(Outcome.CANCELLED)
    return line


def get_data(challenge: bytes) -> Reading:
    """Ask for a line of base 64 with a challenge, and decode it (``auth_get_data()``)."""
    line = yield from get_line(base64.b64encode(challenge).decode("ascii"))
    return decoded(from_octets(line))


def decoded(text: str) -> bytes:
    """What base 64 stands for; raises ``Over``."""
    data = b64decode(text)
    if data is None:
        raise Over(Outcome.BAD64)
    return data


def read_input(server: Server) -> None:
    """Take what came with the AUTH command; ``=`` is one empty item (``auth_read_input()``)."""
    if server.data == "=":
        server.take(b"", empty=True)
    elif server.data:
        server.take(decoded(server.data), empty=False)


def prompt(server: Server, challenge: bytes) -> Generator[str, bytes | None, None]:
    """Ask for one item more (``auth_prompt()``)."""
    server.take((yield from get_data(challenge)), empty=True)


def check_server_condition(server: Server) -> Verdict:
    """What server_condition says; without one the client is let in (``auth_check_serv_cond()``)."""
    process = server.process
    if process.host_checking:
        _trace_items(server)
    condition = server.text("server_condition")
    if condition is None:
        return Verdict(Outcome.OK)
    try:
        said = expand(process, condition)
    except ExpansionFailed as failure:
        process.hdebug(f"expansion failed: {failure.message}")
        return Verdict(Outcome.FAIL) if failure.forced else Verdict(Outcome.DEFER, failure.message)
    process.hdebug(f"expanded string: {said}")
    if said.lower() in ("", "0", "no", "false"):
        return Verdict(Outcome.FAIL)
    if said.lower() in ("1", "yes", "true"):
        return Verdict(Outcome.OK)
    return Verdict(Outcome.DEFER, said, f": {said}")


def _trace_items(server: Server) -> None:
    process = server.process
    process.hdebug(f"{server.authenticator.name} authenticator server_condition:")
    for number in range(1, _AUTH_VARIABLES + 1):
        if (item := process.variables.get(f"auth{number}")) is not None:
            process.hdebug(f"  $auth{number} = {item}")
    for number, item in enumerate(process.numeric[1:], 1):
        process.hdebug(f"  ${number} = {item}")
    server.debug_print()
