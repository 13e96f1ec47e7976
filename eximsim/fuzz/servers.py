"""What listens where: named behaviours, and scripts that answer otherwise in a phase or two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from eximsim.fuzz.weighted_draw import Chooser, Weighted
from eximsim.world.smtp_behaviour import EVIDENCE_BEHAVIOURS

Server = str | Mapping[str, object]

CHAINS = ("good", "wrongname", "expired", "selfsigned", "eeonly")
"""The certificate chains of servers, by name."""

_NAMED = [name for name in EVIDENCE_BEHAVIOURS if name not in ("ok", "smtps")]

REPLIES: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "banner": ("220 other.test.ex ready", "421 busy", "450 wait", "521 no mail here", "554 no service"),
        "ehlo": ("250 mx.test.ex", "502 what", "500 what", "504 no", "550 not you", "421 busy", "451 fault"),
        "helo": ("250 mx.test.ex hello", "550 not you", "421 busy", "451 fault", "501 bad name"),
        "starttls": ("454 not now", "421 busy", "451 fault", "500 what", "501 syntax", "502 no", "554 never"),
        "mail": ("250 fine", "421 busy", "450 later", "451 fault", "452 full", "530 TLS first", "550 no",
                 "552 too big", "553 bad sender", "555 what parameter"),
        "rcpt": ("250 fine", "251 will forward", "421 busy", "450 later", "451 greylisted", "452 too many",
                 "550 no such user", "551 elsewhere", "552 full", "553 bad name", "554 refused"),
        "data": ("354 go on", "421 busy", "450 later", "451 fault", "554 no valid recipients", "500 what"),
        "end_of_data": ("250 queued", "421 busy", "451 fault", "452 full", "550 spam", "552 too big",
                        "554 refused"),
        "reset": ("250 fine", "421 busy", "500 what"),
        "quit": ("221 good bye", "250 fine", "421 busy", "500 what"),
    }
)  # fmt: skip
"""The replies that a server may have in each phase; the first one is as it should be."""

_EXTENSIONS = (
    "PIPELINING", "8BITMIME", "SIZE 52428800", "SIZE 200", "DSN", "ENHANCEDSTATUSCODES", "SMTPUTF8",
)  # fmt: skip

_SERVER = Weighted((45, "ok"), (25, "named"), (30, "scripted"))
_SMTPS = Weighted((45, "smtps"), (30, "scripted"), (20, "no smtps"))

_PARTS = (*REPLIES, *REPLIES, "chain", "chain", "extensions", "extensions", "max_version", "recipients")
"""What may differ in a script; what stands here twice does so more often."""


def chain_of(server: Server) -> str:
    """The certificate chain that the server shows."""
    if isinstance(server, str):
        return EVIDENCE_BEHAVIOURS[server].chain
    chain = server.get("chain", "good")
    assert isinstance(chain, str)
    return chain


def server(choose: Chooser, recipients: tuple[str, ...], smtps: bool) -> Server:
    """What listens at one address; with ``smtps`` it mostly starts TLS at once."""
    if smtps and (how := choose.of(_SMTPS)) != "no smtps":
        return {"base": "smtps", **_script(choose, recipients)} if how == "scripted" else "smtps"
    match choose.of(_SERVER):
        case "named":
            return choose.one(_NAMED)
        case "scripted":
            return _script(choose, recipients)
    return "ok"


def _script(choose: Chooser, recipients: tuple[str, ...]) -> Mapping[str, object]:
    """The content of a script that differs from its base in something."""
    return dict(sorted(dict(choose.parts(1, 3, _part, recipients)).items()))


def _part(choose: Chooser, recipients: tuple[str, ...]) -> tuple[str, object]:
    part = choose.one(_PARTS)
    match part:
        case "chain":
            return part, choose.one(CHAINS)
        case "max_version":
            return part, "TLSv1.2"
        case "extensions":
            offer = [] if choose.rarely(12) else ["STARTTLS"]
            return part, [*offer, *dict.fromkeys(choose.parts(0, 4, Chooser.one, _EXTENSIONS)), "HELP"]
        case "recipients":
            return part, dict(choose.parts(1, 2, _recipient, recipients))
    return part, _reply(choose, part)


def _recipient(choose: Chooser, recipients: tuple[str, ...]) -> tuple[str, object]:
    return choose.one(recipients), _reply(choose, "rcpt")


def _reply(choose: Chooser, phase: str) -> object:
    """An answer in a phase: one line, more lines, or a hang-up, after an answer or without one."""
    text = choose.one(REPLIES[phase])
    lines = [f"{text[:3]}-{text[4:]}", f"{text[:3]} more of it"] if choose.rarely(12) else [text]
    if choose.rarely(4):
        return {"lines": [], "then": "close"}
    if choose.rarely(60 if text.startswith("421") else 4):
        return {"lines": lines, "then": "close"}
    return lines if len(lines) > 1 else text
