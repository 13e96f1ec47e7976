"""What the program says of its build (-bV, --version and -bI; show_whats_supported() in src/exim.c).

Known is what was built and asked: the releases of ``_BUILDS``, each with the features that the project's
reference programs have. When a program was built, and how often before, nobody can know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.program.command_line import CommandLine
    from eximsim.profiles import Profile

_BUILT = "#1 built 01-Jan-2000 00:00:00"
_DATABASE = "Berkeley DB: Berkeley DB 5.3.28: (September  9, 2013)\n"
_SCANNERS = "f-protd f-prot6d drweb fsecure sophie clamd avast sock cmdline"
_DSCP = (
    *("af11", "af12", "af13", "af21", "af22", "af23", "af31", "af32", "af33", "af41", "af42", "af43"),
    *("ef", "lowcost", "lowdelay", "mincost", "reliability", "throughput"),
)
_SIEVE = (
    *("comparator-i;ascii-numeric", "copy", "encoded-character", "enotify", "envelope", "fileinto"),
    *("subaddress", "vacation"),
)


@dataclass(frozen=True, slots=True)
class _Build:
    """One program: the years of its maintainers' copyright, and its lists in the order in which it has them.

    ``TLS`` among the features stands for the library.
    """

    years: str
    features: str
    lookups: str
    authenticators: str
    routers: str
    transports: str
    university: str = "2018"
    scanners: str = _SCANNERS
    built_in: str = ""
    blanks: tuple[str, str, str] = (" ", " ", " ")
    hints_heading: str = ""
    not_printed: str = ""
    """Main options that -bP does not show among all."""


_PLAIN_LOOKUPS = "lsearch wildlsearch nwildlsearch iplsearch cdb dbm dbmjz dbmnz dnsdb dsearch"
_489 = _Build(
    years="2017",
    university="2017",
    features="crypteq iconv() IPv6 TLS Content_Scanning DKIM DNSSEC Event I18N OCSP PRDR PROXY SOCKS"
    " TCP_Fast_Open Experimental_DANE",
    lookups=f"{_PLAIN_LOOKUPS} passwd sqlite",
    authenticators="cram_md5 dovecot plaintext spa tls",
    routers="accept dnslookup ipliteral iplookup manualroute queryprogram redirect",
    transports="appendfile/maildir/mailstore/mbx autoreply lmtp pipe smtp",
    scanners="",
    not_printed="move_frozen_messages smtp_receive_timeout",
)
_492 = replace(
    _489,
    years="2018",
    university="2018",
    features="crypteq iconv() IPv6 TLS Content_Scanning DANE DKIM DNSSEC Event I18N OCSP PRDR PROXY SOCKS"
    " TCP_Fast_Open",
    scanners=_SCANNERS,
    not_printed="local_scan_timeout move_frozen_messages smtp_receive_timeout tls_advertise_requiretls",
)
_495 = replace(
    _492,
    years="2020",
    features="crypteq iconv() IPv6 TLS TLS_resume Content_Scanning DANE DKIM DNSSEC Event I18N OCSP"
    " PIPE_CONNECT PRDR PROXY Experimental_Queue_Ramp SOCKS TCP_Fast_Open",
    lookups=f"{_PLAIN_LOOKUPS} json passwd sqlite",
    authenticators="cram_md5 dovecot external plaintext spa tls",
    not_printed="limits_advertise_hosts local_scan_timeout move_frozen_messages",
)
_DEBIAN = replace(
    _495,
    years="2022",
    features="crypteq iconv() IPv6 TLS TLS_resume move_frozen_messages DANE DKIM DNSSEC Event I18N OCSP"
    " PIPECONNECT PRDR Queue_Ramp SOCKS SRS TCP_Fast_Open",
    lookups=f"{_PLAIN_LOOKUPS} nis nis0 passwd",
    authenticators="cram_md5 external plaintext",
    routers="accept dnslookup ipliteral manualroute queryprogram redirect",
    transports="appendfile/maildir/mailstore autoreply lmtp pipe smtp",
    scanners="",
    not_printed="acl_not_smtp_mime acl_smtp_mime av_scanner hosts_proxy limits_advertise_hosts"
    " proxy_protocol_timeout spamd_address sqlite_dbfile sqlite_lock_timeout",
)
_498 = replace(
    _495,
    years="2024",
    features="Content_Scanning crypteq iconv() IPv6 TLS TLS_resume DANE DKIM DNSSEC ESMTP_Limits"
    " ESMTP_Wellknown Event I18N OCSP PIPECONNECT PRDR PROXY Queue_Ramp SOCKS TCP_Fast_Open",
    hints_heading="Hints DB:\n ",
    not_printed="local_scan_timeout move_frozen_messages",
)
_499 = replace(
    _498,
    years="2025",
    features="Content_Scanning Exim_filter Sieve_filter crypteq iconv() IPv6 TLS TLS_resume DANE DKIM DNSSEC"
    " ESMTP_Limits ESMTP_Wellknown Event I18N OCSP PIPECONNECT PRDR PROXY Queue_Ramp SOCKS TCP_Fast_Open",
    routers="accept dnslookup ipliteral iplookup manualroute redirect queryprogram",
    built_in=" (built-in)",
    not_printed="acl_smtp_dkim daemon_modules_load dkim_verify_hashes dkim_verify_keytypes"
    " dkim_verify_min_keysizes dkim_verify_minimal dkim_verify_signers local_scan_timeout"
    " move_frozen_messages rfc1413_port",
)
_HEAD = replace(
    _499,
    lookups="cdb dbm dbmnz dbmjz dnsdb dsearch json iplsearch lsearch nwildlsearch wildlsearch passwd sqlite"
    " readsock",
    blanks=("  ", "  ", "   "),
    not_printed="acl_smtp_dkim dkim_verify_hashes dkim_verify_keytypes dkim_verify_min_keysizes"
    " dkim_verify_minimal dkim_verify_signers drop_cr local_scan_timeout"
    " move_frozen_messages rfc1413_port sqlite_dbfile sqlite_lock_timeout",
)
_BUILDS: Mapping[str, _Build] = {
    "4.89": _489,
    "4.92": _492,
    "4.95": _495,
    "4.96-debian12": _DEBIAN,
    "4.98": _498,
    "4.99": _499,
    "4.99-dev-13835a3c1": _HEAD,
}
"""By profile."""


def _build(profile: Profile, option: str) -> _Build:
    build = _BUILDS.get(profile.name)
    if build is None:
        raise Unsupported(f"what {option} says of the build of {profile.name}; the configuration can be read")
    return build


def not_printed(profile: Profile) -> frozenset[str]:
    """The main options that -bP leaves out where it shows all; raises ``Unsupported`` as -bV does."""
    return frozenset(_build(profile, "-bP all").not_printed.split())


def version(process: Process, line: CommandLine, stdin: bytes) -> int:
    """-bV. Raises ``Unsupported`` for a release whose program nobody asked."""
    if line.arguments:
        raise Unsupported("the option -bV with something behind it")
    process.out(f"{whats_supported(process.profile)}Configuration file is {process.config.path}\n")
    return 0


def whats_supported(profile: Profile) -> str:
    """What -bV says before the configuration is read. Raises ``Unsupported`` as ``version`` does."""
    build = _build(profile, "-bV")
    library = "GnuTLS" if profile.tls_library == "gnutls" else "OpenSSL"
    features = " ".join(library if name == "TLS" else name for name in build.features.split())
    after_auths, after_routers, after_transports = build.blanks
    said = [
        f"Exim version {profile.version} {_BUILT}",
        f"Copyright (c) University of Cambridge, 1995 - {build.university}",
        f"(c) The Exim Maintainers and contributors in ACKNOWLEDGMENTS file, 2007 - {build.years}",
        f"{build.hints_heading}{_DATABASE}Support for: {features}",
        f"Lookups (built-in): {build.lookups}",
        f"Authenticators{build.built_in}:{after_auths}{build.authenticators}",
        f"Routers{build.built_in}:{after_routers}{build.routers}",
        f"Transports{build.built_in}:{after_transports}{build.transports}",
        *([f"Malware: {build.scanners}"] if build.scanners else []),
        "Fixed never_users: 0",
        "Configure owner: 0:0",
        "Size of off_t: 8",
    ]
    return "".join(f"{line}\n" for line in said)


def remove_pid_file(process: Process, line: CommandLine, stdin: bytes) -> int:
    """-oPX: no daemon of the model has such a file."""
    if not (process.machine.test_harness or process.machine.uid == 0):
        raise Unsupported("the option -oPX from somebody who is not root")
    return 0


def information(process: Process, line: CommandLine, stdin: bytes) -> int:
    """-bI: what the program knows of something; standard error has what there is if it is nothing."""
    code, said = _information(process.profile, line.option.lower())
    (process.err if code else process.out)(said)
    return code


def _information(profile: Profile, what: str) -> tuple[int, str]:
    if what == "sieve":
        return 0, "".join(f"{name}\n" for name in _SIEVE)
    if what == "dscp" and not profile.dscp_without_value:
        return 0, "".join(f"{name}\n" for name in _DSCP)
    if what == "modules" and profile.modules_listed:
        return 0, "Loadable-module support is not available\n"
    told = [("help", "   this information")]
    if not profile.dscp_without_value:
        told.append(("dscp", "   list of known dscp value keywords"))
    if profile.modules_listed:
        told.append(("modules", "list of loadable modules"))
    told.append(("sieve", "  list of supported sieve extensions"))
    return int(what != "help"), (
        "The -bI: flag takes a string indicating which information to provide.\n"
        "If the string is not recognised, you'll get this help (on stderr).\n\n"
        f"{''.join(f'  exim -bI:{name} {meaning}{chr(10)}' for name, meaning in told)}"
    )
