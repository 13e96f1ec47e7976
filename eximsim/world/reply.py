"""What a name server decides about one question, and the one place where it decides."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import lru_cache

from eximsim.ports import DnsAnswer, DnsRecord
from eximsim.quick_dataclass import dataclass
from eximsim.world import names

_CACHED_ANSWERS = 4096


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer and how it is delivered.

    ``drop``: nothing is sent, over UDP or TCP (``answer.rcode`` is then ``"TIMEOUT"``, what the client
    makes of it). ``delay``: seconds before it is sent. ``truncate``: over UDP it is sent empty with TC, in
    full over TCP. ``pass_on``: Exim's fakens would have left the question to the real resolver; the answer
    is what a world without one says.
    """

    answer: DnsAnswer
    drop: bool = False
    delay: float = 0.0
    truncate: bool = False
    pass_on: bool = False


class Zones(ABC):
    """All that the name servers of a scenario know. Parsed once; answers are looked up and kept."""

    def __init__(self) -> None:
        self._cached = lru_cache(maxsize=_CACHED_ANSWERS)(self._answer)

    def answer(self, name: str, type: str) -> Reply:
        """The reply to one question: the only decision that any shell (socket or memory) carries out.

        ``name`` in the text form of ``world.names`` (a final dot is allowed), in any case; ``type`` an upper
        case mnemonic or ``TYPE123``. Names in the reply have the case of the zone file. A name that cannot be
        put into a question (an empty or overlong label) gives FORMERR, to which ``res_search()``'s
        NO_RECOVERY for a question that it cannot build comes to in Exim.
        """
        return self._cached(name, type)

    def holds(self, name: str) -> bool:
        """Whether there are records at or below a name."""
        try:
            wanted = names.key(name)
            return any(f".{names.key(owner)}".endswith(f".{wanted}") for owner in self.owners())
        except names.BadName:
            return False

    @abstractmethod
    def owners(self) -> Iterable[str]:
        """The names that have records, in the case of the file, each once and in its order."""

    @abstractmethod
    def _decide(self, name: str, type: str) -> Reply:
        """The reply for a name in lower case and without final dot."""

    def _answer(self, name: str, type: str) -> Reply:
        try:
            return self._decide(names.key(name), type)
        except names.BadName:
            return Reply(DnsAnswer("FORMERR"))


def loopback_records(name: str, type: str) -> tuple[DnsRecord, ...] | None:
    """The answer to questions about ``localhost`` and below (RFC 6761, 6.3); None for other names."""
    if name != "localhost" and not name.endswith(".localhost"):
        return None
    address = {"A": "127.0.0.1", "AAAA": "::1"}.get(type)
    return () if address is None else (DnsRecord(name, type, address),)
