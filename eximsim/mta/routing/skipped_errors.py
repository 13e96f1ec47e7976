"""Telling somebody of skipped errors in redirection data (moan_skipped_syntax_errors(), src/moan.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.string import octets
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.process.log import log_write, quoted
from eximsim.mta.process.logins import deliverer_login
from eximsim.mta.process.references import references
from eximsim.mta.process.upward import child_open_exim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.process.globals import Process


def moan_write_from(process: Process) -> str:
    """Who a report is from. Source: moan_write_from(), src/moan.c."""
    options = process.config.main
    try:
        return expand(process, options.text("dsn_from") or "")
    except ExpansionFailed as failure:
        what = f"dsn_from that does not expand ({failure.message})"
        raise Unsupported(what, *options.where("dsn_from")) from None


def moan_skipped_syntax_errors(
    process: Process, router: DriverInstance, skipped: Sequence[tuple[str, str]], *, some: bool, told: bool
) -> bool:
    """Log the errors (what, in which item; an error of a filter is in none), and tell of them.

    With ``told`` those are told whom syntax_errors_to names. ``some``: there are good addresses, too. False
    if an option does not expand.
    """
    for why, item in skipped:
        where = f" in {quoted(process, item)}" if item else ""
        log_write(process, f"{router.name} router: skipped error: {why}{where}")
    options = router.options
    if not told or options.text("syntax_errors_to") is None:
        return True
    texts: dict[str, str] = {}
    for option in ("syntax_errors_to", "syntax_errors_text"):
        text = options.text(option)
        try:
            texts[option] = "" if text is None else expand(process, text)
        except ExpansionFailed as failed:
            log_write(process, f"{router.name} router failed to expand {text}: {failed.message}")
            return False
    own = texts["syntax_errors_text"]
    headers = process.message.headers if process.message else ()
    lines = [
        "Auto-Submitted: auto-replied",
        f"From: {moan_write_from(process)}",
        f"To: {texts['syntax_errors_to']}",
        "Subject: error(s) in forwarding or filtering\n",
        *references(process, headers),
        *([f"{own}\n"] if options.text("syntax_errors_text") is not None else []),
        f"The {router.name} router encountered the following error(s):\n",
        *((f'  {why} in the address\n  "{item}"\n' if item else f"  {why}\n") for why, item in skipped),
        "Other addresses were processed normally." if some else "No valid addresses were generated.",
    ]
    content = octets("\n".join(lines) + "\n")
    child_open_exim(process, "", [], content, process.message_id, deliverer_login(process))
    return True
