"""What is refused since it comes from outside (``is_tainted()``, src/store.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.expand.marks import Taint

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


def is_refused(
    process: Process, level: Taint, what: str, path: str | None = None, line: int | None = None
) -> bool:
    """Whether a text of this level of taint is refused by a release that minds.

    Raises ``Unsupported`` with path and line if it is not known where ``what`` comes from, and with that of
    allow_insecure_tainted_data if that is set.
    """
    if level is Taint.NONE:
        return False
    if level is Taint.UNKNOWN:
        raise Unsupported(f"whether {what} is tainted", path, line)
    main = process.config.main
    if main.flag("allow_insecure_tainted_data"):
        raise Unsupported("allow_insecure_tainted_data", *main.where("allow_insecure_tainted_data"))
    return True
