"""The name server of a private namespace: on sockets that were made inside, for any number of scenarios."""

from __future__ import annotations

import socket

from eximsim.subjects.namespace import Namespace
from eximsim.world.loop import Loop
from eximsim.world.nameserver import NameService, Query
from eximsim.world.reply import Reply, Zones
from eximsim.world.rrsets import rrset_zones


class Resolver:
    """Serves ``zones``, which may be exchanged at any time, on port 53 of a namespace until it is closed.

    ``questions`` are those that have arrived, as ``"TYPE name"``, answered or not.
    """

    def __init__(self, loop: Loop, inside: Namespace) -> None:
        self.questions: list[str] = []
        kinds = (socket.SOCK_DGRAM, socket.SOCK_STREAM)
        self._wires = tuple(inside.socket(kind, "127.0.0.1", 53) for kind in kinds)
        self._service = NameService(loop, rrset_zones(()), *self._wires, on_query=self._note)

    @property
    def zones(self) -> Zones:
        """What is answered from."""
        return self._service.zones

    @zones.setter
    def zones(self, zones: Zones) -> None:
        self._service.zones = zones

    def close(self) -> None:
        """Stop serving."""
        self._service.close()
        for wire in self._wires:
            wire.close()

    def _note(self, query: Query, reply: Reply) -> None:
        self.questions.append(f"{query.type} {query.name}")
