"""Where addresses are routed to, and the verbs that say where they should be, as in Test::MTA::Exim4."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, Self

from eximsim.testing.arguments import check_arguments
from eximsim.testing.result import Text, check_text, has_text, shown_text

if TYPE_CHECKING:
    from eximsim.suite.address_test import Routed


@dataclass(frozen=True, slots=True)
class Routing:
    """What ``exim -bt`` prints about an address. A verb raises ``AssertionError`` if it does not hold.

    ``found`` is where it goes, one entry for each address that it expands to; ``output`` is what Exim prints.
    """

    address: str
    found: tuple[Routed, ...]
    output: tuple[str, ...]
    unsupported: tuple[str, ...] = ()

    def should_route(
        self,
        *,
        router: str | None = None,
        transport: str | None = None,
        hosts: str | Sequence[str] | None = None,
    ) -> Self:
        """The address can be delivered, and one address that it expands to goes this way.

        Args:
            router: the router that takes it.
            transport: the transport that it is given to.
            hosts: the names of the hosts in the order in which they are tried, and no others.

        Raises:
            AssertionError: it goes elsewhere, or nowhere.
            InputError: a name that is no text.
        """
        __tracebackhide__ = True
        shape = {"router?": str, "transport?": str, "hosts?": (str, [str])}
        check_arguments(shape, router=router, transport=transport, hosts=hosts)
        names = (hosts,) if isinstance(hosts, str) else None if hosts is None else tuple(hosts)
        lower = names and tuple(map(str.lower, names))
        if not any(
            one.result == "routed"
            and router in (None, one.router)
            and transport in (None, one.transport)
            and lower in (None, tuple(map(str.lower, one.hosts)))
            for one in self.found
        ):
            wanted = {"router": router, "transport": transport}
            parts = [f"{name} {value}" for name, value in wanted.items() if value]
            if names is not None:
                parts.append(f"hosts {' '.join(names)}" if names else "no hosts")
            told = ", ".join(parts)
            self._fail(f"should be routed{f' by {told}' if told else ''}")
        return self

    def should_discard(self) -> Self:
        """Mail for the address is thrown away.

        Raises:
            AssertionError: it goes somewhere, or bounces.
        """
        __tracebackhide__ = True
        return self._all("discarded", "should be discarded", None)

    def should_be_unrouteable(self, *, reason: Text | None = None) -> Self:
        """No router takes the address, or one fails it, so that mail for it bounces.

        Args:
            reason: part of what Exim says of it, or a pattern.

        Raises:
            AssertionError: it goes somewhere.
        """
        __tracebackhide__ = True
        return self._all("unrouteable", "should be unrouteable", reason)

    def should_defer(self, *, reason: Text | None = None) -> Self:
        """The address cannot be routed at this time.

        Args:
            reason: part of what Exim says of it, or a pattern.

        Raises:
            AssertionError: it can, or never will.
        """
        __tracebackhide__ = True
        return self._all("deferred", "should be deferred", reason)

    def _all(self, result: str, wanted: str, reason: Text | None) -> Self:
        __tracebackhide__ = True
        if reason is not None:
            check_text("reason", reason)
        if (
            self.unsupported
            or not self.found
            or not all(
                one.result == result and (reason is None or has_text(one.reason, reason))
                for one in self.found
            )
        ):
            self._fail(f"{wanted}{f' for {shown_text(reason)}' if reason is not None else ''}")
        return self

    def _fail(self, wanted: str) -> NoReturn:
        __tracebackhide__ = True
        found = "; ".join(map(str, self.found)) or "nothing was decided about it"
        told = [f"  {line}" for line in self.output]
        missing = [f"not modelled: {item}" for item in self.unsupported]
        raise AssertionError("\n".join([f"{self.address} {wanted}, but {found}", *told, *missing]))
