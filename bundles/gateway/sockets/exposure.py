"""Finds the actions that clients may call by an event, and their names.

Names are matched at boot, and put into one table; nothing is matched while messages are handled.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from bundles.gateway.broker.wildcards import is_pattern, matches
from bundles.gateway.sockets.options import Mask
from bundles.gateway.sockets.rules import CallRules

_is_version = re.compile(r"v\d+").fullmatch

Visibilities = Mapping[str, str]
"""The visibility of each action, by its name."""


def exposed_actions(rules: CallRules, actions: Visibilities) -> dict[str, str]:
    """Return the names that clients may call, with the names of their actions."""
    allowed = {name for name, visibility in actions.items() if is_allowed(rules, name, visibility)}
    names = {} if rules.is_restricted else {name: name for name in actions if name in allowed}
    for alias, action in rules.aliases.items():
        names.pop(alias, None)  # an alias has priority over an action with the same name
        if action in allowed:
            names[alias] = action
    return names


def exposure_problems(
    rules: CallRules, actions: Visibilities, where: str, *, is_alone: bool
) -> Iterator[str]:
    """Yield a message for each mask and each alias that cannot work with *actions*, the actions
    of this node. Unless the node *is_alone*, other nodes may offer the missing actions."""
    for mask in rules.whitelist or ():
        matched = [name for name in actions if _matches(mask, name)]
        if not is_alone and (not matched or not isinstance(mask, str) or is_pattern(mask)):
            continue
        if not matched:
            yield f"whitelist of {where}: {_shown(mask)} matches no action{_hint(mask, actions)}"
        elif not any(_is_opened(mask, actions[name]) for name in matched):
            yield f"whitelist of {where}: {_shown(mask)} {_closed(matched, actions)}"
    for alias, action in rules.aliases.items():
        what = f"aliases of {where}: {alias!r} is an alias of {action!r}"
        if action not in actions and not is_alone:
            continue
        if action not in actions:
            yield f"{what}, which is not an action{_hint(action, actions)}"
        elif not is_allowed(rules, action, actions[action]):
            yield f"{what}, which clients may not call: it is {_why(rules, actions[action])}"


def refusal_of(rules: CallRules, name: str, actions: Visibilities) -> str | None:
    """Return why clients may not call *name*, which is not exposed; None: it does not exist."""
    if name not in actions:
        return None
    if rules.is_restricted:
        return "it is not an alias, and mapping_policy is 'restrict'"
    return f"it is {_why(rules, actions[name])}"


def is_allowed(rules: CallRules, name: str, visibility: str) -> bool:
    """Whether clients may call the action *name*, by its name or only by an alias."""
    if rules.whitelist is None:
        return visibility == "published"
    return any(_is_opened(mask, visibility) and _matches(mask, name) for mask in rules.whitelist)


def _matches(mask: Mask, name: str) -> bool:
    return matches(name, mask) if isinstance(mask, str) else mask.search(name) is not None


def _is_opened(mask: Mask, visibility: str) -> bool:
    """Whether *mask* may select actions with *visibility*. For public actions, it must have the
    name of their service: a version, as in ``v2.**``, is not enough."""
    if visibility == "public":
        return isinstance(mask, str) and not is_pattern(_service_in(mask))
    return visibility == "published"


def _service_in(mask: str) -> str:
    first, _, rest = mask.partition(".")
    return rest.partition(".")[0] if rest and _is_version(first) else first


def _shown(mask: Mask) -> str:
    return repr(mask) if isinstance(mask, str) else f"re.compile({mask.pattern!r})"


def _hint(mask: Mask, actions: Visibilities) -> str:
    if isinstance(mask, str) and (near := get_close_matches(mask, actions, n=1)):
        return f"; did you mean {near[0]!r}?"
    return "; remove it, or correct it"


def _closed(matched: list[str], actions: Visibilities) -> str:
    names = ", ".join(f"{name!r} ({actions[name]})" for name in matched[:5])
    return (
        f"matches only {names}; write visibility='published' at the action, or list public "
        f"actions with the name of their service, such as 'service.*'"
    )


def _why(rules: CallRules, visibility: str) -> str:
    if visibility in ("protected", "private") or rules.whitelist is None:
        return f"{visibility}; write visibility='published' at the action"
    return f"not in the whitelist (its visibility is {visibility})"
