"""A machine with local deliveries: what they wrote and logged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from eximsim.disk import StoredFolder
from eximsim.mta.program import exim
from eximsim.ports import Told
from eximsim.profiles import profile
from eximsim.subjects.runs import User, new_machine
from eximsim.world.answers import Answers
from eximsim.world.host import Host
from eximsim.world.memory import MemoryWorld
from eximsim.world.rrsets import rrset_zones

NEWEST = "4.99"
_MAIN = (
    "primary_hostname = mx.test.ex\nspool_directory = /spool\nlog_selector = -all\ntrusted_users = CALLER\n"
)
ACCEPT = "local:\n driver = accept\n transport = t\n user = CALLER\n"
_RETRY = "begin retry\n* * F,1d,10m\n"


class LocalMachine:
    """``transport`` are the options of the transport ``t``; the caller may write to the folder /mail."""

    def __init__(
        self,
        transport: str,
        release: str = NEWEST,
        *,
        routers: str = ACCEPT,
        main: str = "",
        transports: str = "",
        files: Mapping[str, bytes] | None = None,
        answers: Iterable[tuple[str, str, Told]] = (),
    ) -> None:
        lines = "".join(f" {line}\n" for line in transport.split("\n"))
        text = f"{_MAIN}{main}\nbegin routers\n{routers}begin transports\nt:\n{lines}{transports}{_RETRY}"
        given = {"/exim.conf": text.encode(), **(files or {})}
        self.world = MemoryWorld(rrset_zones([]), Host(files=given, answers=Answers().with_more(answers)))
        self.world.disk.folders["/mail"] = StoredFolder(1000, 1000, 0o755)
        self._profile = profile(release)
        self.machine = new_machine(self.world, self._profile, user=User("CALLER", 1000, "CALLER", 1000))
        self.machine.hostname = "mx.test.ex"
        self.said, self.complained = "", ""

    def exim(self, *argv: str, stdin: str = "Subject: s\n\nHello.\n") -> int:
        """Run the program."""
        words = ("-C", "/exim.conf", *argv)
        done = exim.run(self.machine, words, stdin.encode(), {}, self._profile)
        self.said, self.complained = done.stdout, done.stderr
        return done.code

    def deliver(
        self, *recipients: str, sender: str = "s@test.ex", text: str = "Subject: s\n\nHello.\n"
    ) -> None:
        """Send a message and wait for its delivery."""
        self.exim("-odi", "-f", sender, *(recipients or ("a@test.ex",)), stdin=text)

    def mailbox(self, path: str = "/mail/a") -> str:
        """A file that deliveries wrote."""
        return self.world.disk.files[path].content.decode()

    @property
    def log(self) -> list[str]:
        """The main log without time and message id."""
        lines = self.machine.files.get("/spool/log/mainlog", [])
        return [line.split(" ", 3)[3] for line in lines if line.count(" ") > 2]
