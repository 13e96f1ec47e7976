"""What a survey could not explore, or left out by choice, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from eximsim.errors import Gap
from eximsim.gate.apart import unexplored
from eximsim.gate.outcome import UNTOLD
from eximsim.gate.report import NOTHING_EXPLORED
from eximsim.gate.routes import Route, equal_hosts, smtp_transports
from eximsim.mta.config.log_selector import parse_selector

if TYPE_CHECKING:
    from eximsim.gate.explore_policies import Survey
    from eximsim.gate.named import Named
    from eximsim.suite.policy import Policy


def note(
    plan: Survey,
    named: Named,
    routes: Sequence[tuple[Policy, Route]],
    untried: Iterable[str],
    beyond: Iterable[str],
    hosts: int,
) -> None:
    """Note it in the plan: names that are too many or obscure, hosts ``beyond`` those that are looked at,
    transports that no message was found for, and that nothing goes out at all.
    """
    for item in untried:
        plan.gaps[Gap(f"{item} were not tried", plan.policies[-1].path, "--recipient names them")] = None
    for item, where in named.obscure.items():
        plan.gaps[Gap(item, where, "give --recipient or --sender, or allow it")] = None
    plan.gaps.update(dict.fromkeys(unexplored(plan.policies)))
    for path, number in named.sampled.items():
        plan.left_out[f"{path}: {number} entries more; others of the file stand for them"] = None
    plan.left_out.update(dict.fromkeys(beyond))
    for name in (view.name for view in plan.views if view.wordless):
        plan.left_out[f"{name}: changes of words alone"] = None
    for word in _selected_by_one(plan.policies):
        plan.left_out[f"log_selector: what {word} puts into log lines"] = None
    leaves = any(route.hosts for _, route in routes)
    if not leaves:
        what = f"{NOTHING_EXPLORED}: no mail was found that goes out by an smtp transport"
        if plan.views:
            became = plan.at(plan.policies[-1], plan.views[0], {})
            what += f" (to {plan.views[0].scene.recipient}: {became})"
        gap = Gap(what, plan.policies[-1].path, "--recipient names mail that does")
        plan.gaps = {gap: None, **plan.gaps}
    for policy in plan.policies:
        for path in policy.files.missing:
            if path in plan.guarded:
                plan.left_out[f"{policy.path}: looks for {path}, which is not here"] = None
        equal_hosts(policy, hosts, plan.left_out)
        used = {name for other, route in routes if other is policy for name in route.transports}
        if leaves:
            _unreached(plan, policy, used)


def _selected_by_one(policies: Sequence[Policy]) -> list[str]:
    """The log selectors that not every policy has, and whose words are not compared."""
    every = [parse_selector(policy.config.main.text("log_selector") or "") for policy in policies]
    return [word for word in UNTOLD if len({word in selected for selected in every}) > 1]


def _unreached(plan: Survey, policy: Policy, used: set[str]) -> None:
    """Note the smtp transports that no message was found for."""
    named = {router.options.text("transport") or "" for router in policy.config.routers}
    for transport in smtp_transports(policy.config):
        where = f"{transport.path}:{transport.line}"
        if transport.name in used:
            continue
        if transport.name in named or any("$" in name for name in named):
            what = f"transport {transport.name}: no recipient was found that is sent there"
            plan.gaps[Gap(what, where, "--recipient or --sender names mail that is")] = None
        else:
            plan.left_out[f"{where}: transport {transport.name}: no router names it"] = None
