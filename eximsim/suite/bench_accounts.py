"""The accounts of a bench: who there is, and who calls the program."""

from __future__ import annotations

import re

from eximsim.suite.normalisation import Identity

_CONFIGURE_OWNER = re.compile(r"^Configure owner: *(\d+):", re.MULTILINE)
_FIRST_ORDINARY, _NOBODY = 100, 65534


def caller_uid(said: str, identity: Identity) -> str:
    """The number that the caller gets: that of CONFIGURE_OWNER, as runtest wants it.

    ``said`` is what the program prints with ``-d -bV``. An owner who is somebody else cannot be the caller.
    """
    match = _CONFIGURE_OWNER.search(said)
    if match is None or match[1] == identity.exim_uid or not _FIRST_ORDINARY <= int(match[1]) < _NOBODY:
        return identity.caller_uid
    return match[1]


def account_files(identity: Identity) -> dict[str, bytes]:
    """``/etc/passwd`` and ``/etc/group``."""
    who = identity
    users = [("root", "0", "0", "root", "/root"), ("bin", "2", "2", "bin", "/bin"),
             ("mail", "8", "8", "mail", "/"),
             (who.caller, who.caller_uid, who.caller_gid, who.caller_gecos, who.caller_home),
             (identity.exim_user, identity.exim_uid, identity.exim_gid, "Exim", "/"),
             ("nobody", "65534", "65534", "nobody", "/")]  # fmt: skip
    passwd = "".join(
        f"{name}:x:{uid}:{gid}:{gecos}:{home}:/bin/sh\n" for name, uid, gid, gecos, home in users
    )
    groups = [("root", "0", ""), ("bin", "2", ""), ("mail", "8", ""),
              (identity.caller_group, identity.caller_gid, ""),
              (identity.exim_group, identity.exim_gid, identity.caller),
              ("nogroup", "65534", "")]  # fmt: skip
    group = "".join(f"{name}:x:{gid}:{members}\n" for name, gid, members in groups)
    return {"/etc/passwd": passwd.encode(), "/etc/group": group.encode()}
