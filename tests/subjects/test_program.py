import os
from pathlib import Path

import pytest

from eximsim.errors import InputError
from eximsim.subjects.exim import program_at
from eximsim.subjects.program import Accounts

_BV = """Exim version {version} #2 built 01-Jan-2025 00:00:00
Support for: crypteq {support}
Library version: {library}: Compile: {compiled}
                         Runtime: {runtime}
"""
ALL = {
    "version": "4.98", "support": "OpenSSL IPv6 DANE DNSSEC", "library": "OpenSSL",
    "compiled": "OpenSSL 3.0.11 19 Sep 2023", "runtime": "OpenSSL 3.0.14 4 Jun 2024",
}  # fmt: skip


def pretender(folder: Path, **changes: str) -> Path:
    """A program that says of itself what an Exim would say."""
    path = folder / "exim"
    path.write_text(f"#!/bin/sh\ncat <<END\n{_BV.format(**(ALL | changes))}END\n")
    path.chmod(0o755)
    return path


def test_version_and_library_choose_the_profile(namespaces: None, tmp_path: Path) -> None:
    program = program_at(pretender(tmp_path))
    assert (program.version, program.tls, program.library) == ("4.98", "openssl", "OpenSSL 3.0.14")
    assert (program.profile.name, program.profile.tls_library) == ("4.98", "openssl-3")


@pytest.mark.parametrize(
    ("changes", "name", "library"),
    [
        ({"version": "4.98.2-1"}, "4.98", "openssl-3"),
        ({"version": "4.94.2"}, "4.94.1", "openssl-3"),
        ({"version": "4.94"}, "4.94.1", "openssl-3"),
        ({"version": "4.99-12-gabcdef-XX"}, "4.99", "openssl-3"),
        ({"version": "4.87", "support": "OpenSSL DNSSEC Experimental_DANE",
          "runtime": "OpenSSL 1.0.2h  3 May 2016"}, "4.87", "openssl-1.0.2"),
        ({"version": "4.96", "support": "GnuTLS DANE DNSSEC", "library": "GnuTLS", "runtime": "3.7.9"},
         "4.96", "gnutls"),
    ],
)  # fmt: skip
def test_patch_levels_have_the_profile_of_their_release(
    namespaces: None, tmp_path: Path, changes: dict[str, str], name: str, library: str
) -> None:
    profile = program_at(pretender(tmp_path, **changes)).profile
    assert (profile.name, profile.tls_library) == (name, library)
    assert profile.version == changes["version"], "what the program writes to Received: is its own"


def test_it_calls_itself_what_it_says(namespaces: None, tmp_path: Path) -> None:
    assert program_at(pretender(tmp_path, version="4.98.2-XX")).profile.version == "4.98.2-XX"


def test_a_build_without_ipv6_has_a_profile_without_it(namespaces: None, tmp_path: Path) -> None:
    assert not program_at(pretender(tmp_path, support="IPv4 DANE DNSSEC")).profile.ipv6
    assert program_at(pretender(tmp_path)).profile.ipv6


@pytest.mark.skipif(os.getuid() != 0, reason="all users are one without root")
def test_a_user_that_is_only_a_number_gets_a_name(namespaces: None, tmp_path: Path) -> None:
    path = pretender(tmp_path)
    asked = 'case "$*" in *-bP*) echo "cannot run initgroups(): no passwd entry for uid=8" >&2; exit 1;; esac'
    path.write_text(path.read_text().replace("cat", f"{asked}\ncat", 1))
    program = program_at(path)
    assert (program.user, program.uid) == ("exim", 8)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"support": "OpenSSL DNSSEC"}, "Exim 4.98 without support for DANE; expected a program with it"),
        ({"support": "OpenSSL DANE"}, "Exim 4.98 without support for DNSSEC; expected one with it"),
        ({"version": "3.36"}, "Exim 3.36: expected a release from 4.85 on"),
        ({"library": "LibreSSL"}, "Exim 4.98 names no TLS library; expected OpenSSL or GnuTLS"),
    ],
)
def test_a_program_that_cannot_be_compared_is_refused_in_one_line(
    namespaces: None, tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    path = pretender(tmp_path, **changes)
    with pytest.raises(InputError) as refused:
        program_at(path)
    assert str(refused.value) == f"{path}: {message}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("#!/bin/sh\necho hello\n", "-bV gives no version but 'hello'; expected an Exim program"),
        ("no program", "Exec format error; expected an Exim program"),
        ("#!/bin/sh\necho 'x: error while loading shared libraries: libno.so.1: cannot open' >&2\n",
         "needs libno.so.1; expected it to be installed, or in "),
    ],
)  # fmt: skip
def test_what_is_no_exim_is_refused_in_one_line(
    namespaces: None, tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "exim"
    path.write_text(content)
    path.chmod(0o755)
    with pytest.raises(InputError) as refused:
        program_at(path)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_user_that_a_program_was_built_for_is_made_known_to_it(namespaces: None, tmp_path: Path) -> None:
    path = tmp_path / "exim"
    path.write_text(
        "#!/bin/sh\n"
        "grep -q ^mailer: /etc/passwd || "
        """{ echo 'exim: failed to find uid for user name "mailer"' >&2; exit 1; }\n"""
        f"cat <<END\n{_BV.format(**ALL)}END\n"
    )
    path.chmod(0o755)
    program = program_at(path)
    assert (program.user, program.profile.exim_user) == ("mailer", "mailer")


def test_of_the_names_of_one_number_the_first_is_its_name() -> None:
    files = Accounts((("me", 0), ("root", 0)), (("us", 0),), 93).with_name("exim").files()
    assert files["/etc/passwd"].decode().splitlines() == [
        "me:x:0:0:me:/:/bin/sh", "root:x:0:0:root:/:/bin/sh", "exim:x:93:93:exim:/:/bin/sh"
    ]  # fmt: skip
    assert files["/etc/group"] == b"us:x:0:\nexim:x:93:\n"
