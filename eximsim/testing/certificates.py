"""Certificates of the hosts of a policy test, made when they are asked for; keys are never compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from eximsim.ports import TlsIdentity
from eximsim.testing.server import KINDS
from eximsim.world.certificates import EXPIRED, Authority, ChainSet, KeyType, Sent, self_signed

_OTHER = "other.invalid"
_CLIENT = "good/client.invalid"


@cache
def chains() -> ChainSet:
    """Every chain there can be, by its ``server.chain_name``, and the authority that clients trust."""
    return ChainSet(_authority().root, _Chains())


class _Chains(Mapping[str, TlsIdentity]):
    """Makes a chain when its name is looked up."""

    def __getitem__(self, name: str) -> TlsIdentity:
        kind, _, host = name.partition("/")
        if kind not in KINDS:
            raise KeyError(name)
        return _made(kind, host)

    def __iter__(self) -> Iterator[str]:
        """One for clients; those of servers are known by name only."""
        yield _CLIENT

    def __len__(self) -> int:
        return 1


@cache
def _authority() -> Authority:
    return Authority(key_type=KeyType.ECDSA)


@cache
def _made(kind: str, host: str) -> TlsIdentity:
    name = _OTHER if kind == "wrongname" else host
    subject, hosts, key = f"/CN={name}"[: len("/CN=") + 64], (name,), KeyType.ECDSA
    match kind:
        case "selfsigned":
            return self_signed(subject, hosts, key_type=key)
        case "expired":
            return _authority().issue(subject, hosts, sent=Sent.ROOT, validity=EXPIRED, key_type=key)
        case "incomplete":
            return _authority().issue(subject, hosts, sent=Sent.LEAF, key_type=key)
    return _authority().issue(subject, hosts, sent=Sent.ROOT, key_type=key)
