"""Conditions on the text of a message and of its MIME parts (src/regex.c, mime_decode() in src/mime.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.mime import DECODERS, LONGEST_LINE, Stream, decode_asis, is_boundary
from eximsim.mta.base.regex_cache import Regex, RegexError, compile_pattern
from eximsim.mta.base.string import from_octets, list_items, octets
from eximsim.mta.process.log import log_write
from eximsim.mta.records.mime import Scan
from eximsim.status import Rc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from eximsim.mta.acl.acl_run import AclRun
    from eximsim.mta.config.acl_read import AclCondition
    from eximsim.mta.process.reception import Reception

_ANOMALIES = {
    "quoted-printable": ("1", "Broken Quoted-Printable encoding detected"),
    "base64": ("2", "Broken BASE64 encoding detected"),
}
_MOST_FILES = 1024
_VARIABLES = 9
_KIB = 1024


def spool_mbox(reception: Reception) -> Scan:
    """The message as scanners get it, written once: envelope, header lines, body."""
    if reception.scan is None:
        process, envelope = reception.process, reception.envelope
        lines = []
        if envelope.sender:
            lines.append(f"X-Envelope-From: <{envelope.sender}>\n")
        if recipients := ", ".join(recipient.address for recipient in envelope.recipients):
            lines.append(f"X-Envelope-To: {recipients}\n")
        lines += [header.text for header in reception.headers if header.kind != "*"]
        text = octets("".join([*lines, "\n"])) + process.incoming_body
        folder = f"{process.config.main.text('spool_directory')}/scan/{process.message_id}"
        reception.scan = Scan(folder, process.message_id, text)
    return reception.scan


def unspool_mbox(reception: Reception) -> None:
    """Remove what was written for scanners."""
    scan, reception.scan = reception.scan, None
    if scan is not None:
        for name in (f"{scan.message_id}.eml", *scan.files):
            reception.process.hdebug(f"unspool_mbox(): unlinking '{scan.folder}/{name}'")


# ---- decode --------------------------------------------------------------------------------------------


def decode(run: AclRun, condition: AclCondition, text: str) -> Rc:
    """``decode``: put the part into a file; FAIL where that is not wanted."""
    return mime_decode(run.reception, text)


def mime_decode(reception: Reception, text: str) -> Rc:
    """Decode the part into the file that ``text`` names, or into the next one of the message's folder."""
    scan, variables = reception.scan, reception.process.variables
    if scan is None or scan.stream is None:
        return Rc.FAIL
    option = next(iter(list_items(text)), None)
    if option in ("false", "0"):
        return Rc.FAIL
    folder, name = scan.folder, None if option == "default" else option
    if option is not None and option.startswith("/"):
        is_folder = reception.process.world.path_kind(option) == "folder"
        folder, name = (option, None) if is_folder else ("", option[1:])
    if name is None:
        name = _next_name(scan.files, scan.message_id)
    encoding = variables.get("mime_content_transfer_encoding") or ""
    start = scan.stream.at
    content, broken = DECODERS.get(encoding, decode_asis)(scan.stream, scan.boundary)
    scan.stream.at = start
    scan.files[name.rpartition("/")[2]] = content
    variables["mime_decoded_filename"] = f"{folder}/{name}"
    if broken:
        variables["mime_anomaly_level"], variables["mime_anomaly_text"] = _ANOMALIES[encoding]
    variables["mime_content_size"] = str(-(-len(content) // _KIB))
    return Rc.OK


def _next_name(taken: Iterable[str], message_id: str) -> str:
    names = (f"{message_id}-{number:05}" for number in range(_MOST_FILES))
    return next((name for name in names if name not in taken), f"{message_id}-{_MOST_FILES - 1:05}")


# ---- regular expressions -------------------------------------------------------------------------------


def regex(run: AclRun, condition: AclCondition, text: str) -> Rc:
    """``regex``: a line of the message, or of the MIME part, matches one of the expressions."""
    patterns = _patterns(run, condition, text)
    if not patterns:
        return Rc.FAIL
    return Rc.OK if any(_matches(run, patterns, line) for line in _lines(run.reception)) else Rc.FAIL


def _lines(reception: Reception) -> Iterator[bytes]:
    scan = spool_mbox(reception)
    stream = Stream(scan.text) if scan.stream is None else scan.stream
    start = stream.at
    while line := stream.line(LONGEST_LINE - 1):
        if scan.stream is not None and is_boundary(line, scan.boundary):
            break
        yield line
    stream.at = start


def mime_regex(run: AclRun, condition: AclCondition, text: str) -> Rc:
    """``mime_regex``: the first 32 KB of the part, decoded, match one of the expressions."""
    patterns = _patterns(run, condition, text)
    if not patterns:
        return Rc.FAIL
    variables, scan = run.process.variables, run.reception.scan
    if variables.get("mime_decoded_filename") is None:
        mime_decode(run.reception, "")
    name = variables.get("mime_decoded_filename")
    if name is None or scan is None:
        log_write(run.process, "mime_regex acl condition warning - could not decode MIME part to file.")
        return Rc.DEFER
    content = scan.files[name.rpartition("/")[2]][: LONGEST_LINE - 2]
    return Rc.OK if _matches(run, patterns, content) else Rc.FAIL


def _patterns(run: AclRun, condition: AclCondition, text: str) -> list[tuple[str, Regex]]:
    """The expressions, the last one first; what an earlier match has left is forgotten."""
    variables = run.process.variables
    for name in ("regex_match_string", *(f"regex{number}" for number in range(1, _VARIABLES + 1))):
        variables.pop(name, None)
    found: list[tuple[str, Regex]] = []
    for item in list_items(text):
        if item.lower() == "false" or item == "0":
            continue
        try:
            found.insert(0, (item, compile_pattern(item)))
        except RegexError:
            what = f"a bad regular expression in {condition.name}"
            raise Unsupported(what, condition.path, condition.line) from None
    return found


def _matches(run: AclRun, patterns: list[tuple[str, Regex]], subject: bytes) -> bool:
    """Whether one of the expressions matches, and what it captures."""
    variables, text = run.process.variables, from_octets(subject)
    for pattern, compiled in patterns:
        groups = compiled.search(text, run.process.trace, run.process.effort)
        if groups is None:
            continue
        variables["regex_match_string"] = pattern
        for number, group in enumerate(groups[1 : _VARIABLES + 1], 1):
            variables[f"regex{number}"] = group
        return True
    return False
