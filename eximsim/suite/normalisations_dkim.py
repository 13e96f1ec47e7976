"""What ``runtest`` does to traces of DKIM and ARC: time stamps, signatures over them, words of a library."""

from __future__ import annotations

import re

from eximsim.suite.normalisation import LOG, MAIL, Normalisation, Reading, special, sub

_STAMPS = re.compile(r"(DKIM: d=.*) t=(\d*) x=(\d*) (?=\[)")
_SIGNED = re.compile(r"(\s+)t=(\d*); x=(\d*); b=[A-Za-z0-9+/]+\n")
_SIGNED_FOR_EVER = re.compile(r"(\s+)t=\d*; b=[A-Za-z0-9+/]+\n")
_REST_OF_SIGNATURE = 2
_NO_START_LINE = "1E08010C:DECODER routines::unsupported"
_IMPORT = "ARC: AMS signing: privkey PEM-block import: "


def _log_stamps(line: str, reading: Reading) -> str:
    return _STAMPS.sub(lambda found: f"{found[1]} t=T x=T+{int(found[3]) - int(found[2])} ", line)


def _without_rest(text: str, reading: Reading) -> str:
    for _ in range(_REST_OF_SIGNATURE):
        reading.next_line()
    return text


def _mail_stamps(line: str, reading: Reading) -> str:
    found = _SIGNED.fullmatch(line)
    if found is None:
        return line
    return _without_rest(f"{found[1]}t=T; x=T+{int(found[3]) - int(found[2])}; b=bbbb;\n", reading)


def _mail_stamp(line: str, reading: Reading) -> str:
    found = _SIGNED_FOR_EVER.fullmatch(line)
    return line if found is None else _without_rest(f"{found[1]}t=T; b=bbbb;\n", reading)


LOG_SIGNATURES: tuple[Normalisation, ...] = (
    special("DKIM's times", _log_stamps, ("DKIM: d=a s=b t=17 x=27 [c]\n", "DKIM: d=a s=b t=T x=T+10 [c]\n"),
        hint=" x=", files=LOG, when="signing_times_hidden"),
    sub("DKIM's time", r"(DKIM: d=.* )t=\d* \[", r"\1t=T [", ("DKIM: d=a s=b t=17 [c]\n",
        "DKIM: d=a s=b t=T [c]\n"), hint=" t=", files=LOG, when="signing_time_hidden"),
    sub("bits of a signer's key", r"(signer: [^ ]* bits:) 256", r"\1 253", ("x signer: a bits: 256\n",
        "x signer: a bits: 253\n"), hint="bits:", files=LOG, when="ed25519_bits_joined"),
    sub("bits of a short key", r"(public key too short:) 256 bits", r"\1 253 bits",
        ("x public key too short: 256 bits\n", "x public key too short: 253 bits\n"), hint="too short:",
        files=LOG, when="ed25519_bits_joined"),
    sub("no key for ARC", rf"({_IMPORT})(?:The requested data were not available\.|"
        r"error:(?:0906D06C:PEM routines:PEM_read_bio|[0-9A-F]{8}:PEM routines:get_name):no start line)$",
        rf"\1error:{_NO_START_LINE}", (f"x {_IMPORT}The requested data were not available.\n",
        f"x {_IMPORT}error:{_NO_START_LINE}\n"), hint="ARC: AMS", files=LOG, when="missing_keys_joined"),
)  # fmt: skip

MAIL_SIGNATURES: tuple[Normalisation, ...] = (
    special("times of a signature", _mail_stamps, ("\tt=17; x=27; b=ab\n", "\tt=T; x=T+10; b=bbbb;\n"),
        hint=" x=", files=MAIL, when="signing_times_hidden"),
    special("time of a signature", _mail_stamp, ("\tt=17; b=ab\n", "\tt=T; b=bbbb;\n"),
        hint="t=", files=MAIL, when="signing_time_hidden"),
)  # fmt: skip
