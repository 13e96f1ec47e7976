"""The commands of a sequence: messages, sessions, queue runs, what an administrator does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from eximsim.fuzz import sequence_choices as choices

Command = dict[str, object]


def command(rng: Random, *, first: bool) -> Command:
    """One command; the ``first`` of a sequence is a message or a session."""
    kinds = _FIRST if first else _KINDS
    name = rng.choices(list(kinds), list(kinds.values()))[0]
    return _DRAW[name](rng)


def _recipients(rng: Random) -> list[str]:
    spelt = choices.SPELLINGS
    return [
        f"{rng.choice(choices.LOCAL_PARTS)}@{rng.choice(spelt)}" for _ in range(rng.choice((1, 1, 2, 3, 4)))
    ]


def _message(rng: Random) -> Command:
    how = rng.choice(("-odf", "-odf", "-odf", "-odq", "-odi", "-odqs"))
    stdin = rng.choice(choices.BODIES)
    recipients = _recipients(rng)
    if rng.random() < 0.1:
        heading = ",\n ".join(recipients)
        return {"argv": [how, "-t", "-f", rng.choice(choices.SENDERS)], "stdin": f"To: {heading}\n{stdin}"}
    return {"argv": [how, "-f", rng.choice(choices.SENDERS), *recipients], "stdin": stdin}


def _queue(rng: Random) -> Command:
    how = rng.choice(("-q", "-q", "-qf", "-qf", "-qff", "-qq", "-qq", "-qqf", "-qqff", "-qi", "-qif", "-qqi"))
    return {"argv": [how]}


def _selected(rng: Random) -> Command:
    """A queue run for some messages only."""
    what = rng.choice(
        (["-R", "one.test.ex"], ["-S", "test.ex"], ["-Rf", "two"], ["-Rff", "@"], ["-Sf", "other"])
    )
    return {"argv": what}


def _one(rng: Random) -> Command:
    number = rng.choice((1, 1, 1, 2))
    what = rng.choice(("-M", "-M", "-Mf", "-Mf", "-Mt", "-Mrm", "-Mg", "-Mmad"))
    return {"argv": [what, f"$msg{number}"]}


def _changed(rng: Random) -> Command:
    """An address or a sender that is changed by hand."""
    what = rng.choice(
        (
            ["-Mar", "$msg1", "new@two.test.ex"],
            ["-Mmd", "$msg1", "a@one.test.ex"],
            ["-Mes", "$msg1", "new@test.ex"],
        )
    )
    return {"argv": what}


def _asked(rng: Random) -> Command:
    what = rng.choice((["-bpu"], ["-bp"], ["-bpra"], ["-bpc"], ["-Mvl", "$msg1"]))
    return {"argv": what}


def _routed(rng: Random) -> Command:
    return {"argv": [rng.choice(("-bt", "-bv", "-bvs")), rng.choice(_recipients(rng))]}


def _session(rng: Random) -> Command:
    said = [rng.choice(("EHLO c", "EHLO c", "HELO c"))]
    for _ in range(rng.choice((1, 1, 2))):
        said.append(f"MAIL FROM:<{rng.choice(choices.SENDERS)}>{_mail_options(rng)}")
        said += [f"RCPT TO:<{recipient}>{_rcpt_options(rng)}" for recipient in _recipients(rng)]
        if rng.random() < 0.06:
            said.append("RSET")
            continue
        said += ["DATA", "Subject: x", "", "hi", rng.choice(("there", "..")), "."]
    stdin = "".join(f"{line}\r\n" for line in (*said, "QUIT"))
    return {"argv": ["-bs", rng.choice(("-odf", "-odf", "-odq", "-odi"))], "stdin": stdin}


def _mail_options(rng: Random) -> str:
    if rng.random() < 0.75:
        return ""
    return " " + rng.choice(("SIZE=100", "BODY=8BITMIME", "RET=HDRS", "RET=FULL ENVID=x1", "SIZE=999999999"))


def _rcpt_options(rng: Random) -> str:
    if rng.random() < 0.85:
        return ""
    return " " + rng.choice(
        (
            "NOTIFY=NEVER",
            "NOTIFY=SUCCESS,FAILURE",
            "NOTIFY=DELAY",
            "NOTIFY=SUCCESS ORCPT=rfc822;z@one.test.ex",
        )
    )


_FIRST = {"message": 7, "session": 3}
_KINDS = {
    "message": 6, "queue": 6, "selected": 1, "one": 2, "changed": 1, "asked": 1, "routed": 1, "session": 4,
}  # fmt: skip
_DRAW: Mapping[str, Callable[[Random], Command]] = {
    "message": _message, "queue": _queue, "selected": _selected, "one": _one, "changed": _changed,
    "asked": _asked, "routed": _routed, "session": _session,
}  # fmt: skip
