"""What in an expansion reaches out of the program: commands, sockets, perl, passwords.

What is there is asked for (``World.ask``); what Exim makes of the answer is here (src/expand.c).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from eximsim.crypted import crypt_equals
from eximsim.errors import Unanswered
from eximsim.mta.base.command_words import TooManyWords, command_words
from eximsim.mta.base.string import list_items, octets
from eximsim.mta.expand.expand_tree import Condition, Item
from eximsim.mta.expand.expander import Expander, ExpansionFailed
from eximsim.mta.expand.readsocket import SocketFailed, is_known, read_socket
from eximsim.mta.process import upward
from eximsim.mta.records.lists import Kind
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.ports import Told

_MOST_ARGUMENTS = 60
_NO_WORDS = ("", "0", "no", "false")


# ---- commands ---------------------------------------------------------------------------------------------


def run_item(expander: Expander, item: Item, skipping: bool) -> str:
    """``${run{COMMAND}{yes}{no}}``: the question is the command's words, expanded, with a space between."""
    if item.fault is not None:
        expander.subs(item, skipping=skipping)
    if skipping:
        expander.subs(item, skipping=True)
        return expander.answer("run", item.answer, True, None, skipping=True)
    process = expander.process
    if item.word and process.profile.run_splits_first:
        words = [_expanded(expander, word, item.word) for word in _split(expander, item.word)]
    else:
        words = _split(expander, expander.string(item.args[0]))
    said = process.world.ask_command(words)
    if said.deferred:
        raise ExpansionFailed(said.error or "couldn't create child process: Resource temporarily unavailable")
    if said.endless:
        raise ExpansionFailed("command timed out")
    output = said.value or ""
    status = said.status if said.value is not None else 1
    if status < 0:
        raise ExpansionFailed(f"command killed by signal {-status}")
    expander.set_variable("runrc", str(status))
    expander.set_value(output)
    return expander.answer("run", item.answer, status == 0, output, skipping=False)


def _expanded(expander: Expander, word: str, command: str) -> str:
    try:
        return expander.expand(word)
    except ExpansionFailed as failure:
        told = (
            f"Expansion of {expander.told(word)} from command {expander.told(command)} in ${{run}} expansion"
            f" failed: {failure.message}"
        )
        raise ExpansionFailed(told, forced=failure.forced, defer=failure.defer) from None


def _split(expander: Expander, command: str) -> list[str]:
    try:
        return command_words(command, _MOST_ARGUMENTS)
    except TooManyWords:
        raise ExpansionFailed(
            f"Too many arguments in command {expander.told(command)} in ${{run}} expansion"
        ) from None


# ---- functions and sockets --------------------------------------------------------------------------------


def perl_item(expander: Expander, item: Item, skipping: bool) -> str:
    """``${perl{SUB}{arg}...}``: the question is the subroutine and its arguments; ``!none`` is undef."""
    values = expander.subs(item, skipping=skipping)
    if skipping:
        return ""
    if not expander.process.config.main.text("perl_startup"):
        raise ExpansionFailed("A setting of perl_startup is needed when using the Perl interpreter")
    said = expander.process.world.ask("perl", " ".join(values))
    if said.value is None and not said.deferred:
        raise ExpansionFailed(
            f"Perl subroutine {expander.told(values[0])} returned undef to force failure", forced=True
        )
    return _text(said)


def dlfunc_item(expander: Expander, item: Item, skipping: bool) -> str:
    """``${dlfunc{FILE}{FUNCTION}{arg}...}``; ``!none`` is a forced failure, ``!defer`` a plain one."""
    values = expander.subs(item, skipping=skipping)
    if skipping:
        return ""
    said = expander.process.world.ask("dlfunc", " ".join(values))
    if said.value is None and not said.deferred:
        raise ExpansionFailed("(no message)", forced=True)
    return _text(said)


def _text(said: Told) -> str:
    if said.deferred:
        raise ExpansionFailed(said.error or "(no message)")
    return said.value or ""


def readsocket_item(expander: Expander, item: Item, skipping: bool) -> str:
    """``${readsocket{SOCKET}{REQUEST}{options}{eol}{fail}}``: the question is the socket and the request.

    ``!none`` and ``!defer`` are a socket that cannot be read.
    """
    if skipping or item.fault is not None:
        expander.subs(item, skipping=skipping)
        return ""
    values = [expander.string(arg) for arg in item.args[:4]]
    process, where = expander.process, values[0]
    if is_known(process, where):
        try:
            return read_socket(process, where, values[1], "".join(values[2:3]), "".join(values[3:4]))
        except SocketFailed as failed:
            if len(item.args) > 4:
                return expander.string(item.args[4])
            raise ExpansionFailed(str(failed)) from None
    said = process.world.ask("readsocket", f"{where} {values[1]}".strip("\n "))
    if said.value is not None:
        return said.value if len(values) < 4 else said.value.replace("\n", values[3])
    if len(item.args) > 4:
        return expander.string(item.args[4])
    raise ExpansionFailed(said.error or f"failed to connect to socket {values[0]}: Connection refused")


def authresults_item(expander: Expander, item: Item, skipping: bool) -> str:
    """``${authresults{HOST}}``: the whole header line, as it is given or as it comes out."""
    values = expander.subs(item, skipping=skipping)
    if skipping:
        return ""
    process = expander.process
    try:
        return process.world.ask("authresults", values[0]).value or ""
    except Unanswered:
        return _authresults(process, values[0])


def _authresults(process: Process, host: str) -> str:
    """What is known of the client and of the message's signatures (EITEM_AUTHRESULTS)."""
    get = process.variables.get
    text = f"Authentication-Results: {host}"
    if process.authentication_local:
        identity = get("authenticated_id")
        text += f";\n\tlocal=pass (non-smtp, {host})" + (f" u={identity}" if identity else "")
    for known, said in (
        (get("sender_host_name"), f"pass ({get('sender_host_name')})"),
        (get("host_lookup_deferred", "0") != "0", "temperror"),
        (get("host_lookup_failed", "0") != "0", "fail"),
    ):
        if known:
            address = get("sender_host_address")
            text += f";\n\tiprev={said}" + (f" smtp.remote-ip={address}" if address else "")
            break
    return text + _smtpauth(process) + _spf(process) + upward.misc_mod_authres(process)


def _smtpauth(process: Process) -> str:
    """How the client has authenticated itself (``authres_smtpauth()``)."""
    get = process.variables.get
    name, identity = get("sender_host_authenticated"), get("authenticated_id")
    sender = get("authenticated_sender")
    if name is None:
        return ""
    driver = next((one for one in process.config.authenticators if one.name == name), None)
    shown = (driver.options.text("public_name") if driver else None) or name
    if shown == "tls":
        said = f") x509.auth={identity}" if identity else ") reason=x509.auth"
    else:
        said = f") smtp.auth={identity}" if identity else ", no id saved)"
    return f";\n\tauth=pass ({shown}{said}" + (f" smtp.mailfrom={sender}" if sender else "")


def _spf(process: Process) -> str:
    """What SPF said of the client and the sender (``authres_spf()``)."""
    get = process.variables.get
    result, helo = get("spf_result"), get("sender_helo_name")
    if result is None:
        return ""
    text = f";\n\tspf={result}"
    if get("spf_result_guessed") == "yes":
        text += " (best guess record for domain)"
    domain = get("sender_address", "").rpartition("@")[2]
    if domain:
        return f"{text} smtp.mailfrom={domain}"
    if helo and process.profile.authres_spf_helo:
        return f"{text} smtp.helo={helo}"
    return f"{text} smtp.mailfrom=<>"


def env_item(expander: Expander, item: Item, skipping: bool) -> str:
    """``${env{NAME}{yes}{no}}``."""
    (name,) = expander.subs(item, skipping=skipping)
    return expander.answered(item, item.answer, lambda: _variable(expander.process, name), skipping)


def _variable(process: Process, name: str) -> str | None:
    """A variable of the environment as Exim leaves it; asked for where it is not known."""
    if name in (added := added_environment(process)):
        return added[name]
    if name in process.environment or process.machine.environment_known or not is_kept(process, name):
        return process.environment.get(name)
    return process.world.ask("env", name).value


def environment_has(process: Process, start: str) -> bool:
    """Whether a variable whose name begins so is in the environment that keep_environment left."""
    return any(name.startswith(start) and is_kept(process, name) for name in process.environment)


def added_environment(process: Process) -> Mapping[str, str | None]:
    """What add_environment puts into the environment, or takes out of it (``cleanup_environment()``)."""
    options = process.config.main
    text = options.text("add_environment") if options.exists("add_environment") else None
    items = (item.partition("=") for item in list_items(text or ""))
    return {name: value if sign else None for name, sign, value in items}


def is_kept(process: Process, name: str) -> bool:
    """Whether keep_environment lets a variable through (cleanup_environment(), src/environment.c)."""
    options = process.config.main
    if not options.exists("keep_environment"):
        return True
    kept = options.text("keep_environment")
    return kept is not None and (
        kept == "*" or upward.match_isinlist(process, name, kept, Kind.STRING).rc is Rc.OK
    )


# ---- conditions -------------------------------------------------------------------------------------------


def authentication(expander: Expander, condition: Condition, skipping: bool) -> bool:
    """``pam``, ``radius``, ``ldapauth``, ``pwcheck`` and ``saslauthd``: any answer but ``no`` is a yes."""
    values = [expander.string(arg, skipping=skipping) for arg in condition.args]
    if condition.fault is not None:
        raise expander.failure(condition.fault)
    if skipping:
        return False
    said = expander.process.world.ask(condition.name, " ".join(values))
    if said.deferred:
        raise ExpansionFailed(said.error or "(no message)")
    return (said.value is not None and said.value not in _NO_WORDS) == condition.wanted


def crypteq(expander: Expander, text: str, crypted: str) -> bool:
    """Whether ``text`` is what was encrypted; crypt() is asked, with both, about forms that are not known."""
    kind = crypted.lower()
    if kind.startswith("{md5}"):
        return _is_digest(hashlib.md5(octets(text), usedforsecurity=False).digest(), crypted[5:])
    if kind.startswith("{sha1}"):
        return _is_digest(hashlib.sha1(octets(text), usedforsecurity=False).digest(), crypted[6:])
    if crypted.startswith("{") and not kind.startswith(("{crypt}", "{crypt16}")):
        raise ExpansionFailed(f"unknown encryption mechanism in {expander.told(crypted)}")
    coded = crypted.rpartition("}")[2]
    if len(coded) < 2:
        return False
    known = crypt_equals(octets(text), coded, sixteen=kind.startswith("{crypt16}"))
    if known is not None:
        return known
    said = expander.process.world.ask("crypteq", f"{text} {crypted}")
    return said.value is not None and said.value not in _NO_WORDS


def _is_digest(digest: bytes, wanted: str) -> bool:
    coded = base64.b64encode(digest).decode()
    return wanted == coded if len(wanted) == len(coded) else wanted.lower() == digest.hex()


# ---- operators --------------------------------------------------------------------------------------------


def stat(expander: Expander, text: str, arg: str | None, name: str) -> str:
    """``${stat:PATH}``: the answer is the whole text, ``mode=0644 smode=...``."""
    said = expander.process.world.ask("stat", text)
    if said.value is None:
        raise ExpansionFailed(f"stat({text}) failed: {said.error or 'No such file or directory'}")
    return said.value


def stat_size(expander: Expander, path: str) -> str:
    """What ``${stat:PATH}`` says of a file's size, which is known of files that are given."""
    world = expander.process.world
    kind = world.path_kind(path)
    if kind == "file":
        return f"size={len(world.read_file(path))}"
    if not kind and expander.process.machine.hints_known:
        raise ExpansionFailed(f"stat({path}) failed: No such file or directory")
    return stat(expander, path, None, "stat")
