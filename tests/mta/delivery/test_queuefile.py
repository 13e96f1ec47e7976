"""The queuefile transport: a message's spool files in a folder of somebody else's."""

from __future__ import annotations

import pytest

from eximsim.disk import StoredFolder
from eximsim.errors import InputError
from tests.mta.local import LocalMachine

OPTIONS = "driver = queuefile\ndirectory = /mail"


def test_both_files_are_copied() -> None:
    run = LocalMachine(OPTIONS)
    run.deliver(text="Subject: s\n\nHello.\n")
    assert run.log[1] == "=> a <a@test.ex> R=local T=t"
    files = {path.removeprefix("/mail/").rpartition("-")[2]: path for path in run.world.disk.files}
    assert run.mailbox(files["D"]).endswith("-D\nHello.\n")
    assert "\n<s@test.ex>\n" in run.mailbox(files["H"])


@pytest.mark.parametrize(
    ("folder", "problem"),
    [
        ("mail", "(-1): t transport directory: mail is not absolute"),
        (
            "/mail/none",
            "(2): No such file or directory: t transport accessing directory: /mail/none failed with error:"
            " No such file or directory",
        ),
    ],
)
def test_a_folder_that_will_not_do_defers(folder: str, problem: str) -> None:
    run = LocalMachine(f"driver = queuefile\ndirectory = {folder}")
    run.deliver()
    assert run.log[1] == f"== a@test.ex R=local T=t defer {problem}"


def test_a_folder_of_somebody_else_defers() -> None:
    run = LocalMachine(OPTIONS)
    run.world.disk.folders["/mail"] = StoredFolder(0, 0, 0o755)
    run.deliver()
    assert "(13): Permission denied: t transport linking file: /mail/" in run.log[1]


def test_there_has_to_be_one() -> None:
    with pytest.raises(InputError, match="directory must be set"):
        LocalMachine("driver = queuefile").exim("-bP", "transports")
