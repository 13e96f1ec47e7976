"""Sequences drawn at random: several messages, queue runs, hosts that go down and come back.

What is drawn is a scenario as ``suite.scenarios`` reads it, so that the model and real programs can play it.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")

_HOSTS = {"h1": "10.9.1.1", "h2": "10.9.2.1", "h3": "10.9.3.1"}
_DOMAINS = ("one.test.ex", "two.test.ex", "three.test.ex")
_SENDERS = ("s@test.ex", "other@two.test.ex", "")
_LOCAL_PARTS = ("a", "b", "C", "d+x", "pre-e")
_EXTENSIONS = ("PIPELINING", "SIZE", "CHUNKING", "DSN", "PRDR", "STARTTLS", "PIPECONNECT", "8BITMIME")
_LIMITS = ("RCPTMAX=1", "MAILMAX=1", "RCPTDOMAINMAX=1", "RCPTMAX=2 MAILMAX=2")
_PHASES: dict[str, Sequence[object]] = {
    "banner": ("421 busy", "554 no service", {"lines": ["421 closing"], "then": "close"}),
    "ehlo": ("502 no", {"lines": ["421 closing"], "then": "close"}),
    "starttls": ("454 not now", "554 never"),
    "mail": ("451 later", "550 no", "552 too big", {"lines": ["421 closing"], "then": "close"}),
    "rcpt": ("450 later", "550 unknown", "452 too many", "421 closing"),
    "data": ("451 later", "550 no"),
    "end_of_data": ("451 later", "550 spam", "452 full", {"lines": ["421 closing"], "then": "close"}),
    "reset": ("500 what", {"lines": ["421 closing"], "then": "close"}),
}
_TRANSPORT: dict[str, Sequence[str]] = {
    "max_rcpt": ("1", "2"),
    "connection_max_messages": ("1", "2"),
    "multi_domain": ("false",),
    "hosts_try_prdr": ("*",),
    "hosts_pipe_connect": ("*",),
    "hosts_avoid_pipelining": ("*",),
    "hosts_avoid_tls": ("*",),
    "hosts_require_tls": ("h1-a.test.ex",),
    "hosts_nopass_tls": ("*",),
    "hosts_noproxy_tls": ("",),
    "hosts_max_try": ("1",),
    "hosts_max_try_hardlimit": ("1",),
    "delay_after_cutoff": ("false",),
    "retry_include_ip_address": ("false",),
    "address_retry_include_sender": ("false",),
    "fallback_hosts": ("h3-a.test.ex",),
    "size_addition": ("-1", "0"),
    "tls_tempfail_tryclear": ("false",),
    "hosts_override": ("true",),
    "interface": ("10.9.0.9",),
    "helo_data": ("${lc:$primary_hostname}",),
    "hosts_try_chunking": ("",),
    "return_path": ("bounce@test.ex",),
    "message_size_limit": ("100", "1M"),
    "protocol": ("lmtp",),
    "tls_verify_hosts": ("*", "h2-a.test.ex"),
    "tls_require_ciphers": ("",),
    "hosts_require_auth": ("h1-a.test.ex",),
    "hosts_avoid_esmtp": ("h2-a.test.ex",),
    "headers_add": ("X-By: $host",),
}
_ROUTER: dict[str, Sequence[str]] = {
    "errors_to": ("owner@test.ex",),
    "address_data": ("$local_part",),
    "same_domain_copy_routing": ("true",),
    "retry_use_local_part": ("true",),
    "caseful_local_part": ("true",),
    "local_part_suffix": ("+*",),
    "local_part_prefix": ("pre-",),
    "headers_add": ("X-Added: $domain",),
}
_MAIN: dict[str, Sequence[str]] = {
    "log_selector": (
        "+outgoing_port +smtp_confirmation", "+pipelining +sender_on_delivery", "+return_path_on_delivery",
        "-retry_defer", "+queue_time_overall -queue_time_overall",
    ),
    "queue_domains": ("two.test.ex",),
    "queue_smtp_domains": ("two.test.ex",),
    "remote_sort_domains": ("two.test.ex : one.test.ex",),
    "smtp_accept_queue_per_connection": ("1",),
    "ignore_bounce_errors_after": ("0s",),
}  # fmt: skip
_RETRY = (
    "* * F,5d,1h\n",
    "* * F,5d,15m; G,16d,1h,1.5\n",
    "* refused\n* * F,5d,1h\n",
    "* rcpt_4xx F,1h,5m\n* * F,1h,10m\n",
    "two.test.ex * F,1h,5m\n* * G,1d,1h,2\n",
    "* data_4xx\n* * F,1d,1h\n",
    "",
)


def sequence(rng: Random, name: str) -> dict[str, object]:
    """A scenario by this name, with what ``rng`` decides."""
    ad = rng.random() < 0.3
    servers = {address: _server(rng) for address in _HOSTS.values()}
    found: dict[str, object] = {
        "id": name,
        "about": "drawn at random",
        "zone": _zone(rng, ad=ad),
        "servers": servers,
        "main": _some(rng, _MAIN, 0.15),
        "transport": _some(rng, _TRANSPORT, 0.12),
        "router": _some(rng, _ROUTER, 0.1),
        "retry": rng.choice(_RETRY),
        "runs": [_run(rng, first=number == 0) for number in range(rng.randint(3, 6))],
    }
    return found


def _some(rng: Random, options: dict[str, Sequence[str]], share: float) -> dict[str, str]:
    return {name: rng.choice(values) for name, values in options.items() if rng.random() < share}


def _server(rng: Random) -> object:
    if rng.random() < 0.2:
        return "refused"
    offered = [name for name in _EXTENSIONS if rng.random() < 0.25]
    offered += [f"LIMITS {rng.choice(_LIMITS)}"] if rng.random() < 0.15 else []
    found: dict[str, object] = {"extensions": offered}
    if rng.random() < 0.5:
        phase = rng.choice(list(_PHASES))
        found[phase] = rng.choice(_PHASES[phase])
    if rng.random() < 0.2:
        found["recipients"] = {f"a@{rng.choice(_DOMAINS)}": rng.choice(_PHASES["rcpt"])}
    return found


def _zone(rng: Random, *, ad: bool) -> list[dict[str, object]]:
    hosts = [f"{name}-a.test.ex" for name in _HOSTS]
    sets: list[dict[str, object]] = []
    for domain in _DOMAINS:
        chosen = rng.sample(hosts, rng.choice((1, 1, 2, 3)))
        data = [[10 * (number + 1), host] for number, host in enumerate(chosen)]
        sets.append({"name": domain, "type": "MX", "ad": ad, "data": data})
    for host, address in zip(hosts, _HOSTS.values(), strict=True):
        sets.append({"name": host, "type": "A", "ad": ad, "data": [address]})
        sets.append({"name": host, "type": "AAAA", "ad": ad, "data": []})
    return sets


def _recipients(rng: Random) -> list[str]:
    return [f"{rng.choice(_LOCAL_PARTS)}@{rng.choice(_DOMAINS)}" for _ in range(rng.choice((1, 1, 2, 3)))]


def _run(rng: Random, *, first: bool) -> dict[str, object]:
    kind = (
        "message" if first else rng.choice(("message", "message", "queue", "queue", "one", "session", "list"))
    )
    run = _KINDS[kind](rng)
    if rng.random() < 0.35:
        run["servers"] = {address: _server(rng) for address in _HOSTS.values()}
    if rng.random() < 0.15:
        run["sleep"] = rng.choice((1, 2))
    return run


def _message(rng: Random) -> dict[str, object]:
    how = rng.choice(("-odf", "-odf", "-odq", "-odi"))
    return {"argv": [how, "-f", rng.choice(_SENDERS), *_recipients(rng)], "stdin": "Subject: x\n\nhello\n"}


def _queue(rng: Random) -> dict[str, object]:
    return {"argv": [rng.choice(("-q", "-q", "-qf", "-qff", "-qq", "-qqf", "-qi"))]}


def _one(rng: Random) -> dict[str, object]:
    return {"argv": rng.choice((["-M", "$msg1"], ["-Mf", "$msg1"], ["-Mrm", "$msg1"], ["-Mg", "$msg1"]))}


def _list(rng: Random) -> dict[str, object]:
    return {"argv": ["-bpu"]}


def _session(rng: Random) -> dict[str, object]:
    said = ["EHLO c"]
    for _ in range(rng.choice((1, 2))):
        said.append(f"MAIL FROM:<{rng.choice(_SENDERS)}>")
        said += [f"RCPT TO:<{recipient}>" for recipient in _recipients(rng)]
        said += ["DATA", "Subject: x", "", "hi", "."]
    stdin = "".join(f"{line}\r\n" for line in (*said, "QUIT"))
    return {"argv": ["-bs", rng.choice(("-odf", "-odq", "-odi"))], "stdin": stdin}


_KINDS = {"message": _message, "queue": _queue, "one": _one, "list": _list, "session": _session}
