"""What a verification is asked to do, and what it comes to (src/verify.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.records.structs import Address
    from eximsim.status import Rc


@dataclass(frozen=True, slots=True)
class CalloutSettings:
    """What ``verify = .../callout=...`` asks for. Times are seconds; None where nothing was said.

    ``seconds`` is the time for each exchange (30), ``overall`` maxwait, ``connect`` the time to connect.
    The flags have the names of the options; ``postmaster`` holds the sender for the postmaster check
    (``""`` for the empty one), ``mailfrom`` that of a header sender's callout. ``fake_sender``: the address
    is not the message's sender, so rewriting does not touch that.
    """

    seconds: int = 30
    overall: int | None = None
    connect: int | None = None
    defer_ok: bool = False
    no_cache: bool = False
    random: bool = False
    use_sender: bool = False
    use_postmaster: bool = False
    hold: bool = False
    fullpostmaster: bool = False
    postmaster: str | None = None
    mailfrom: str | None = None
    transport_sender: bool = False
    """With ``use_sender``: the sender as the transport would change it."""
    success_on_redirect: bool = False
    """The address is not followed where it is redirected to (an option of ``verify`` itself)."""


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What a verification came to.

    ``rc``: OK, FAIL, DEFER, or in one release FAIL_FORCED (a callout that never ran). ``message`` is for
    the log, ``user_message`` for the SMTP client. ``failure`` says at which step ("qualify", "route",
    "mail", "recipient", "postmaster"), and of OK that it is worth little ("random"). ``addr`` is the address
    as it was routed in the end, ``verified`` as it was rewritten in the beginning.
    """

    rc: Rc
    message: str | None = None
    user_message: str | None = None
    basic_errno: int = 0
    failure: str | None = None
    routed: bool = False
    addr: Address | None = None
    verified: str = ""

    @property
    def pass_message(self) -> bool:
        """Whether the client may see ``message``."""
        return self.addr is not None and self.addr.pass_message

    @property
    def address_data(self) -> str | None:
        """``$address_data`` as the routers left it."""
        return self.addr.data.get("address_data") if self.addr is not None else None
