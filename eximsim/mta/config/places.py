"""Where in a configuration a text is that is being expanded or matched: for messages, not for decisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eximsim.errors import Unsupported
    from eximsim.mta.config.options import Options
    from eximsim.mta.config.readconf import Config


def placed(problem: Unsupported, config: Config, text: str) -> Unsupported:
    """The same problem with file and line of the setting that says ``text``, if they are not known yet."""
    if problem.path is not None:
        return problem
    partly: tuple[str, int] | None = None
    for written, path, line in texts(config):
        if written == text:
            return problem.at(path, line)
        if partly is None and text in written:
            partly = path, line
    return problem if partly is None else problem.at(*partly)


def texts(config: Config) -> Iterator[tuple[str, str, int]]:
    """Everything that a configuration says and that can be expanded, with file and line."""
    yield from _settings(config.main)
    for (kind, name), place in config.list_places.items():
        yield config.named_lists[kind][name], *place
    for driver in (*config.routers, *config.transports.values(), *config.authenticators):
        yield from _settings(driver.options)
    for verbs in config.acls.values():
        for verb in verbs:
            for condition in verb.conditions:
                yield condition.argument, condition.path, condition.line
    for rule in config.rewrites:
        yield rule.replacement, rule.path, rule.line
        yield rule.pattern, rule.path, rule.line


def _settings(options: Options) -> Iterator[tuple[str, str, int]]:
    for name, place in options.settings():
        if written := options.written(name):
            yield written, *place
