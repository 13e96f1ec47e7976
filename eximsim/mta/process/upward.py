"""The calls that go up: what Exim's files below call in those above.

The names of the log files are expanded, and what expands them writes log lines; an expansion can run an ACL,
and ACLs are full of expansions. Exim's files simply call each other. Here each such call has a name. Who
makes the call imports it from here; the module above that answers it says so when it is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.lists import Kind, ListMatch
    from eximsim.mta.records.lookups import SearchResult, SearchType
    from eximsim.mta.records.verification import VerifyResult
    from eximsim.ports import Connection
    from eximsim.status import Rc

P = ParamSpec("P")
R = TypeVar("R")


class Upward(Generic[P, R]):
    """One call that goes up, under the name that Exim's function has."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._answer: Callable[P, R] | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Make the call."""
        assert self._answer is not None, f"{self.name}() is in a module that nothing has loaded"
        return self._answer(*args, **kwargs)

    def answer(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate the function that answers the call."""
        self._answer = function
        return function


expand_string: Upward[[Process, str], str] = Upward("expand_string")
"""src/log.c to src/expand.c: the value of log_file_path."""

match_isinlist: Upward[[Process, str, str, Kind], ListMatch] = Upward("match_isinlist")
"""src/expand.c to src/match.c: the conditions ``match_domain``, ``match_address``, ``match_local_part``."""

match_ip: Upward[[Process, str, str], ListMatch] = Upward("verify_check_this_host")
"""src/expand.c to src/verify.c: the condition ``match_ip``."""

search_find: Upward[[Process, SearchType, str | None, str], SearchResult] = Upward("search_find")
"""src/expand.c to src/search.c: the item ``lookup``."""

expand_getcertele: Upward[[Process, str, str], str | None] = Upward("expand_getcertele")
"""src/expand.c to src/tlscert-openssl.c: the item ``certextract``."""

host_name_lookup: Upward[[Process], object] = Upward("host_name_lookup")
"""src/expand.c to src/host.c: the variable ``$sender_host_name``."""

addresses_by_name: Upward[[Process, str], Sequence[str]] = Upward("addresses_by_name")
"""src/expand.c to src/host.c: to which addresses ``readsocket`` connects."""

acl_eval: Upward[[Process, str], tuple[Rc, str | None, bool]] = Upward("acl_eval")
"""src/expand.c to src/acl.c: the item and the condition ``acl``."""

misc_mod_authres: Upward[[Process], str] = Upward("misc_mod_authres")
"""src/expand.c to src/miscmods: what an Authentication-Results: line says of the message's signatures."""

verify_recipient: Upward[[Process, str, bool], VerifyResult] = Upward("verify_address")
"""src/routers/rf_get_errors_address.c to src/verify.c: is the address that ``errors_to`` gives any good?

True: the address is part of the configuration as it stands.
"""

tls_client_adjunct_start: Upward[[Process, Connection, str, str, float], None] = Upward(
    "tls_client_adjunct_start"
)
"""src/expand.c to src/tls.c: TLS for the item ``readsocket``.

Its arguments: the open connection, the host's name, the server name to ask for (or nothing), the time limit.
"""

EXIT_NORECIPIENTS = 2
"""How a process ends that was given a message for nobody, and cannot tell anybody."""

child_open_exim: Upward[[Process, str, Sequence[str], bytes, str, str], int] = Upward("child_open_exim")
"""src/deliver.c to the program itself: take in a message that Exim writes, a bounce; the exit code.

Its arguments: sender, recipients, content, the id of the message that it is about, the login.
"""

child_open_exim2: Upward[[Process, str, Sequence[str], bytes, str, str, str | None], int] = Upward(
    "child_open_exim2"
)
"""The same; the last argument is the address of the sender's authentication."""
