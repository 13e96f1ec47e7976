"""Which TLS versions and ciphers an Exim process has: openssl_options, tls_require_ciphers.

GnuTLS's priority strings are read into the form that the worlds know, OpenSSL's lists of ciphers. Stands for
parts of tls_init() in src/tls-openssl.c and src/tls-gnu.c.
"""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.certs.openssl_options import read_openssl_options
from eximsim.mta.certs.tls_libraries import GNUTLS, OPENSSL
from eximsim.mta.expand.expand import expand
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_OF_SERVERS = ("no_tlsv1_2", "cipher_server_preference", "prioritize_chacha")
"""Options of OpenSSL that are not modelled for a server; the last two do nothing for a client."""


_STRENGTH = re.compile(r"@SECLEVEL=[3-5]|\bSUITEB\d+(ONLY)?")
"""What OpenSSL's lists say of keys and signatures, beyond the usual."""


@dataclass(frozen=True, slots=True)
class Suites:
    """``ciphers``: OpenSSL's list for TLS 1.2, None for its default; the versions as in ``TlsOffer``."""

    ciphers: str | None
    max_version: str
    min_version: str = "TLSv1"


_EMPTY = "No or insufficient priorities were set."


class BadPriority(Exception):
    """GnuTLS does not take a priority string; ``text`` words that as ``tls_error_gnu()`` does."""

    def __init__(self, whole: str, item: str) -> None:
        at = whole.index(item)
        self.step = f'gnutls_priority_init({whole}) failed at offset {at}, "{whole[at : at + 6]}.."'
        self.text = _EMPTY if whole == "NONE" else "The request is invalid."
        super().__init__(self.step)


def suites(process: Process, required: str | None, *, server: bool = False) -> Suites:
    """What the expanded tls_require_ciphers and the main configuration's openssl_options leave.

    Raises ``BadPriority``, and ``Unsupported`` for what the worlds cannot do.
    """
    library = process.profile.tls_library
    if library == GNUTLS:
        return read_priority(required) if required else Suites(None, "TLSv1.3")
    options = openssl_options(process)
    where = process.config.main.where("openssl_options")
    for name in _OF_SERVERS if server else ():
        if name in options:
            raise Unsupported(f"openssl_options +{name}", *where)
    without_13 = library == OPENSSL[0] or "no_tlsv1_3" in options
    if without_13 and "no_tlsv1_2" in options:
        raise Unsupported("openssl_options without TLS 1.2 and 1.3", *where)
    if required and (found := _STRENGTH.search(required)):
        raise Unsupported(f"{found[0]} in a list of ciphers")
    ciphers = required.replace("_", "-") if required else None
    lowest = "TLSv1.3" if "no_tlsv1_2" in options else "TLSv1"
    return Suites(ciphers, "TLSv1.2" if without_13 else "TLSv1.3", lowest)


def openssl_options(process: Process) -> frozenset[str]:
    """The names that the main option openssl_options sets, beside those that are set in any case."""
    text = process.config.main.text("openssl_options") or ""
    if "$" in text and process.profile.openssl_options_expanded:
        text = expand(process, text)
    return read_openssl_options(text, process.profile.openssl_option_names)


# ---- GnuTLS's priority strings --------------------------------------------------------------

_SIGNATURES = MappingProxyType({"SIGN-RSA-": ("ECDHE-RSA", "DHE-RSA"), "SIGN-ECDSA-": ("ECDHE-ECDSA",)})
"""The key exchanges that go with signatures of a kind."""

_OTHER = ("COMP-", "CURVE-", "GROUP-", "CTYPE-", "SIGN-")
"""Items that do not decide about the suite, but for signatures of one kind."""

_VERSIONS = ("VERS-TLS1.3", "VERS-TLS1.2", "VERS-TLS1.1", "VERS-TLS1.0")
_EXCHANGES = MappingProxyType(
    {"ECDHE-ECDSA": "ECDHE-ECDSA-", "ECDHE-RSA": "ECDHE-RSA-", "RSA": "", "DHE-RSA": "DHE-RSA-"}
)
_CIPHERS = MappingProxyType(
    {
        "AES-256-GCM": "AES256-GCM-SHA384",
        "CHACHA20-POLY1305": "CHACHA20-POLY1305",
        "AES-256-CCM": "AES256-CCM",
        "AES-256-CBC": "AES256-",
        "AES-128-GCM": "AES128-GCM-SHA256",
        "AES-128-CCM": "AES128-CCM",
        "AES-128-CBC": "AES128-",
    }
)
"""GnuTLS's ciphers, in the order of ``NORMAL``, with the end of OpenSSL's name for a suite."""

_FIRST_OF_13 = "AES-256-GCM"
_OF_13 = frozenset({"AES-256-GCM", "CHACHA20-POLY1305", "AES-128-GCM", "AES-128-CCM"})

_NORMAL = MappingProxyType(
    {"VERS": _VERSIONS[:3], "KX": tuple(_EXCHANGES), "CIPHER": tuple(_CIPHERS), "MAC": ("AEAD", "SHA1")}
)


_FIRST = frozenset(
    (
        "NONE", "NORMAL", "PERFORMANCE", "PFS", "LEGACY", "SECURE128", "SECURE192", "SECURE256", "SUITEB128",
        "SUITEB192",
    )
)  # fmt: skip
"""The words that a priority string may begin with."""


_OF_SUITE_B = MappingProxyType({"VERS": ["VERS-TLS1.2"], "KX": ["ECDHE-ECDSA"], "MAC": ["AEAD"]})
_SUITE_B = MappingProxyType({"SUITEB128": ("AES-256-GCM", "AES-128-GCM"), "SUITEB192": ("AES-256-GCM",)})
_CIPHERS_OF_SECURE128 = (
    *("AES-256-GCM", "CHACHA20-POLY1305", "AES-256-CBC", "AES-256-CCM"),
    *("AES-128-GCM", "AES-128-CBC", "AES-128-CCM"),
)
_NAMES = """
    AES-128-CBC AES-128-CCM AES-128-CCM-8 AES-128-CFB8 AES-128-GCM AES-128-SIV AES-128-XTS AES-192-CBC
    AES-192-CFB8 AES-192-GCM AES-256-CBC AES-256-CCM AES-256-CCM-8 AES-256-CFB8 AES-256-GCM AES-256-SIV
    AES-256-XTS ARCFOUR-128 CAMELLIA-128-CBC CAMELLIA-128-GCM CAMELLIA-192-CBC CAMELLIA-256-CBC
    CAMELLIA-256-GCM CHACHA20-32 CHACHA20-64 CHACHA20-POLY1305 3DES-CBC DES-CBC ESTREAM-SALSA20-256
    SALSA20-256 RC2-40 NULL SHA1 SHA224 SHA256 SHA384 SHA512 UMAC-96 UMAC-128 AEAD MD5 AES-CMAC-128
    AES-CMAC-256 AES-GMAC-128 AES-GMAC-192 AES-GMAC-256 ECDHE-RSA ECDHE-ECDSA RSA DHE-RSA DHE-DSS PSK
    RSA-PSK DHE-PSK ECDHE-PSK SRP-DSS SRP-RSA SRP ANON-DH ANON-ECDH VKO-GOST-12 RSA-EXPORT
"""
"""Ciphers, MACs and key exchanges that GnuTLS has names for."""
_GROUPS = (*_OTHER, "VERS-", "CIPHER-", "MAC-", "KX-", "GOST", "STREEBOG", "MAGMA", "KUZNYECHIK", "OMAC")


def _is_known(word: str) -> bool:
    """Whether an item names anything; what it does is another question."""
    name = word.upper()
    return not name[:1].isalnum() or name in _FIRST or name in _NAMES.split() or name.startswith(_GROUPS)


def _kind(word: str) -> str | None:
    if word in _VERSIONS:
        return "VERS"
    if word in _EXCHANGES:
        return "KX"
    if word in _CIPHERS:
        return "CIPHER"
    return "MAC" if word in _MACS else None


@lru_cache(maxsize=64)
def read_priority(text: str) -> Suites:
    """What a GnuTLS priority string allows; raises ``Unsupported`` for keywords that are not modelled."""
    first, *rest = text.split(":")
    if first.upper() not in _FIRST and first[:1] not in ("@", "+", "-", "!"):
        raise BadPriority(text, first)
    if text == "NONE" or first[:1] == "@":  # that is a name which GnuTLS's own configuration file may have
        raise BadPriority(text, text)
    if first not in ("NORMAL", "LEGACY", "NONE", "PFS", "SECURE128", *_SUITE_B):
        raise Unsupported(f"GnuTLS priority string that begins with {first!r}")
    chosen = {kind: list(names) if first != "NONE" else [] for kind, names in _NORMAL.items()}
    if first in _SUITE_B:
        chosen = {
            **{kind: list(names) for kind, names in _OF_SUITE_B.items()},
            "CIPHER": list(_SUITE_B[first]),
        }
    if first == "PFS":
        chosen["KX"].remove("RSA")
    if first == "SECURE128":
        chosen["CIPHER"] = list(_CIPHERS_OF_SECURE128)
    for item in rest:
        if not item or item[0] not in "+-!%":
            raise BadPriority(text, item)
        if item[0] != "%" and not _is_known(item[1:]):
            raise BadPriority(text, item)
        _change(chosen, item)
    if first == "NONE" and (signed := [item[1:] for item in rest if item.startswith("+SIGN-")]):
        _keep_signed(chosen, signed)
    version_13 = "VERS-TLS1.3" in chosen["VERS"] and not _OF_13.isdisjoint(chosen["CIPHER"])
    if "VERS-TLS1.2" not in chosen["VERS"] and (chosen["VERS"] != ["VERS-TLS1.3"] or not version_13):
        raise Unsupported(f"GnuTLS priority string with older versions but without TLS 1.2: {text!r}")
    if version_13 and _FIRST_OF_13 not in chosen["CIPHER"]:
        raise Unsupported(f"GnuTLS priority string with TLS 1.3 but not {_FIRST_OF_13}: {text!r}")
    names = [
        f"{_EXCHANGES[kx]}{end}"
        for cipher in chosen["CIPHER"]
        for kx in chosen["KX"]
        for end in _ends(cipher, chosen["MAC"])
    ]
    if not names and not version_13:
        raise Unsupported(f"GnuTLS priority string that leaves no suite: {text!r}")
    lowest = "TLSv1" if "VERS-TLS1.2" in chosen["VERS"] else "TLSv1.3"
    return Suites(":".join(names), "TLSv1.3" if version_13 else "TLSv1.2", lowest)


_MACS = MappingProxyType({"AEAD": "", "SHA1": "SHA", "SHA256": "SHA256", "SHA384": "SHA384"})
"""The MACs, with what OpenSSL's names for suites in CBC mode end with."""


def _ends(cipher: str, macs: list[str]) -> list[str]:
    """The ends of OpenSSL's names for suites with a cipher; SHA384 goes with AES-256 and ECDHE only."""
    stem = _CIPHERS[cipher]
    if not cipher.endswith("CBC"):
        return [stem] if "AEAD" in macs else []
    return [f"{stem}{_MACS[mac]}" for mac in macs if mac != "AEAD"]


def _keep_signed(chosen: dict[str, list[str]], signatures: list[str]) -> None:
    """Leave out the key exchanges for which there is no signature."""
    if "SIGN-ALL" in signatures:
        return
    for start, exchanges in _SIGNATURES.items():
        if not any(name.startswith(start) for name in signatures):
            chosen["KX"] = [name for name in chosen["KX"] if name not in exchanges]


def _change(chosen: dict[str, list[str]], item: str) -> None:
    sign, word = item[:1], item[1:]
    group = word.removesuffix("-ALL").removesuffix("-TLS")
    if sign == "%" or (sign == "+" and word.startswith(_OTHER)):
        return
    if sign in ("-", "!") and word.endswith("-ALL") and group in chosen:
        chosen[group].clear()
    elif sign == "+" and word.endswith("-ALL") and group in chosen:
        chosen[group][:] = _NORMAL[group]
    elif (kind := _kind(word)) is None or sign not in ("+", "-", "!"):
        raise Unsupported(f"GnuTLS priority item {item!r}")
    elif sign == "+":
        if word not in chosen[kind]:
            chosen[kind].append(word)
    elif word in chosen[kind]:
        chosen[kind].remove(word)


# ---- names of suites ------------------------------------------------------------------------

_GROUP = "ECDHE_SECP256R1"
"""The key exchange that GnuTLS offers first."""

_TLS_1_2, _TLS_1_3 = "RSA_SHA256", "RSA_PSS_RSAE_SHA256"
"""The signature that GnuTLS offers first, and the first of those that TLS 1.3 allows."""


@lru_cache(maxsize=64)
def gnutls_description(name: str) -> str:
    """A suite, named as by OpenSSL, as Exim shows gnutls_session_get_desc(): ``RSA__AES_128_CBC__SHA1``."""
    if name.startswith("TLS_"):
        own = name.removeprefix("TLS_").rpartition("_")[0]
        return f"{_GROUP}__{_TLS_1_3}__{own}"
    if cbc := _CBC.search(name):
        cipher, mac = f"AES_{cbc[1]}_CBC", [cbc[2] if cbc[2] != "SHA" else "SHA1"]
        exchange = name[: cbc.start()].removesuffix("-")
    else:
        known = next((own for own, end in _CIPHERS.items() if name.endswith(end)), None)
        if known is None:
            raise Unsupported(f"GnuTLS's name for the cipher {name}")
        cipher, mac = known.replace("-", "_"), []
        exchange = name.removesuffix(_CIPHERS[known]).removesuffix("-")
    words = {"": ["RSA"], "ECDHE-RSA": [_GROUP, _TLS_1_2], "DHE-RSA": ["DHE_FFDHE2048", _TLS_1_2]}.get(
        exchange, [_GROUP, "ECDSA_SHA256"]
    )
    return "__".join((*words, cipher, *mac))


def gnutls_resumed(description: str, version: str) -> str:
    """How the description of a suite is shown of a session that was taken up again: nobody has signed."""
    exchange, _, rest = description.partition("__")
    _signature, _, cipher = rest.partition("__")
    return f"({cipher}" if version == "TLSv1.3" else f"{exchange}__{cipher}"


def gnutls_group(description: str) -> str:
    """The group of the key exchange in a suite's description; empty if it has none."""
    exchange = description.partition("__")[0]
    return exchange.partition("_")[2]


_CBC = re.compile(r"AES(128|256)-(SHA\d*)$")
