"""The servers around a test."""

from pathlib import Path

import pytest

from eximsim.errors import InputError
from eximsim.files import Folder
from eximsim.suite.servers_around import read_peers
from eximsim.world.certificates import load_chains
from eximsim.world.smtp_script import named_behaviour
from tests.suite.recorded import FOLDER

CERTIFICATES = load_chains(FOLDER / "certs")


def peers_file(folder: Path, text: str) -> Path:
    path = folder / "0001.json"
    path.write_text(text)
    return path


def test_servers_are_named_or_scripted(tmp_path: Path) -> None:
    path = peers_file(
        tmp_path,
        '{"networks": ["10.9.0.0/16"], "port": 1225, "servers":'
        ' {"10.9.1.1": "st454", "10.9.1.2": {"rcpt": "450 later"}, "10.9.1.3": "refused"}}',
    )
    peers = read_peers(Folder(path.parent), path.name, CERTIFICATES)
    assert peers.networks == ("10.9.0.0/16",)
    assert list(peers.servers) == [("10.9.1.1", 1225), ("10.9.1.2", 1225)]
    assert peers.servers["10.9.1.1", 1225].behaviour == named_behaviour("st454")
    assert peers.servers["10.9.1.2", 1225].behaviour.rcpt.lines == ("450 later",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "expected"),
        ("{", "expected JSON"),
        ('{"port": 25, "servers": {}, "prot": 1}', "unknown key 'prot'"),
        ('{"servers": {"10.9.1.1": "ok"}}', "port is not there"),
        ('{"port": 25, "servers": {"10.9.1": "ok"}}', "10.9.1"),
        ('{"port": 25, "servers": {"10.9.1.1": "okay"}}', "behaviour 'okay'"),
        ('{"port": 25, "networks": ["10.9"], "servers": {}}', "10.9"),
    ],
)
def test_a_mistake_is_one_line_with_the_file(tmp_path: Path, text: str, message: str) -> None:
    path = peers_file(tmp_path, text)
    with pytest.raises(InputError, match=r"0001\.json") as error:
        read_peers(Folder(path.parent), path.name, CERTIFICATES)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.json"):
        read_peers(Folder(tmp_path), "absent.json", CERTIFICATES)
