"""`@access`: the rule of a route, as a label that the bundle reads at boot."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, ClassVar, Literal, TypeVar, get_args

import attrs

from bundles.security.rules.gate import Gate
from bundles.security.token import Token
from rxkernel import (
    BundleOption,
    ConfigurationError,
    Definition,
    Request,
    option,
    options_of,
)

F = TypeVar("F", bound=Callable[..., Any])

OPTION = BundleOption("access", "security", "SecurityBundle(…)")
"""The key of the option with the rule."""

Level = Literal["public", "session", "authenticated", "fully_authenticated"]
LEVELS: tuple[str, ...] = get_args(Level)

_OTHER_WORDS: Mapping[str, str] = {"logged": "authenticated", "logined": "authenticated"}
"""Levels by the words of the field ``access`` of the bundle autoload, and of Metarhia."""

PolicyFunction = Callable[[Token[Any], Request], "bool | Awaitable[bool]"]
"""Returns whether the client may call the action; only called for authenticated clients."""


class Policy(ABC):
    """A rule that needs services: ``@access(MayEdit)``. The injector builds one instance at
    boot."""

    @abstractmethod
    async def allows(self, token: Token[Any], request: Request) -> bool:
        """Whether the client with *token*, which is authenticated, may call the action.

        It runs before the body is read: ``request.params`` has the path and the query. An
        exception becomes the response: an `HttpException` with its status, others 500.
        """


@attrs.frozen(repr=False)
class Access:
    """A rule. Every condition that is set must hold. It is a decorator, made by `access`.

    Attributes:
        level: ``public``: all clients. ``session``: clients with a session. ``authenticated``:
            users.
            ``fully_authenticated``: users whose credential does not come from a refresh token.
        roles: the client must have one of them; empty: no role is needed.
        policy: a function, or a `Policy` class.
        gate: a condition for every client, also at the level ``public``.
        needs_user_only: whether every authenticated client may call the action.
    """

    bundle_option: ClassVar = OPTION

    level: Level = "authenticated"
    roles: frozenset[str] = frozenset()
    policy: PolicyFunction | type[Policy] | None = None
    gate: Gate | None = None
    needs_user_only: bool = attrs.field(init=False, eq=False)

    @needs_user_only.default
    def _has_no_condition(self) -> bool:
        has_condition = self.roles or self.policy or self.gate
        return self.level in ("session", "authenticated") and not has_condition

    def __call__(self, labelled: F) -> F:
        if _has_rule(labelled):
            raise ConfigurationError(
                f"{_name_of(labelled)} has two @access rules, of which only one would count; "
                f"write one, with all conditions"
            )
        return option(OPTION, self)(labelled)

    @property
    def kind(self) -> str:
        """The kinds of its conditions, without the names of roles and policies, for descriptions
        that clients may read: ``public``, ``fully_authenticated``, ``roles``, ``roles policy``
        …"""
        names = ("roles", "policy", "gate")
        return self._described(*(name if getattr(self, name) else "" for name in names))

    def __repr__(self) -> str:
        roles = f"roles={'|'.join(sorted(self.roles))}" if self.roles else ""
        policy = f"policy={_name_of(self.policy)}" if self.policy else ""
        return self._described(roles, policy, str(self.gate or ""))

    def _described(self, *conditions: str) -> str:
        parts = [condition for condition in conditions if condition]
        is_implied = {"authenticated": self.roles or self.policy, "public": self.gate}
        if not is_implied.get(self.level):
            parts.insert(0, self.level)
        return " ".join(parts)


PUBLIC = Access("public")
AUTHENTICATED = Access()


def access(
    rule: Level | PolicyFunction | type[Policy] = "authenticated",
    /,
    *,
    roles: str | Iterable[str] | None = None,
) -> Access:
    """Serve the decorated method, or all methods of the class, to clients that *rule* allows.

    *rule* is a level, a function ``(token, request)`` that returns whether the client may call the
    action (sync or async), or a `Policy` class. With *roles* the client must have one of them.
    A method or a class has one rule. The rule of a method replaces that of its class. Boot reports
    the problems of a rule.

    An anonymous client gets 401, a user whom the rule does not allow 403.

    Raises:
        ConfigurationError: it is used without parentheses, *roles* is empty, or *rule* is a class
            other than a `Policy`.
    """
    names = _names(roles)
    if not callable(rule):
        return Access(rule, names)
    if isinstance(rule, type) and not issubclass(rule, Policy):
        raise ConfigurationError(
            f'@access on {_name_of(rule)} has no rule; write @access("authenticated"), or derive '
            f"{_name_of(rule)} from Policy if it is one"
        )
    if not isinstance(rule, type) and next(iter(_parameters(rule)), "") == "self":
        raise ConfigurationError(
            f'@access on {_name_of(rule)} has no rule; write @access("authenticated")'
        )
    return Access("authenticated", names, rule)


def rule_of(given: object) -> object:
    """The rule of a level that is given to `SecurityBundle`; another value unchanged."""
    return Access(given) if isinstance(given, str) else given  # type: ignore[arg-type] # checked


def _names(roles: str | Iterable[str] | None) -> frozenset[str]:
    if roles is None:
        return frozenset()
    names = frozenset([roles] if isinstance(roles, str) else roles)
    if not names:
        raise ConfigurationError(
            "@access(roles=…) has no role; name at least one, or write "
            '@access("authenticated") for all users'
        )
    return names


def _has_rule(labelled: Any) -> bool:
    """Whether *labelled* itself has a rule, not only a base class of it."""
    rule = options_of(labelled).get(OPTION)
    bases = labelled.__mro__[1:] if isinstance(labelled, type) else ()
    return rule is not None and all(options_of(base).get(OPTION) is not rule for base in bases)


def access_of(definition: Definition) -> Access:
    """The rule of *definition*, even if it comes from a parameter or from the default.

    Raises:
        KeyError: the bundle is not enabled.
    """
    rule: Access = definition.options[OPTION]
    return rule


def problems_of(rule: object, known_roles: frozenset[str]) -> Iterator[str]:
    """Yield the problems of *rule*, the value of an option. If *known_roles* is empty, any role is
    allowed."""
    if not isinstance(rule, Access):
        yield f"its rule is {rule!r}; write access({rule!r}), or another rule"
        return
    if rule.level not in LEVELS:
        level = _OTHER_WORDS.get(rule.level, str(rule.level))
        near = get_close_matches(level, LEVELS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"for a role write roles={rule.level!r}"
        levels = ", ".join(map(repr, LEVELS))
        yield f"its rule is {rule.level!r}; it must be one of {levels}; {hint}"
    if rule.level == "public" and (rule.roles or rule.policy):
        yield "its rule is public and has roles or a policy; remove these, or the level public"
    for role in sorted(rule.roles, key=str):
        if not isinstance(role, str) or not role:
            yield f"its rule has the role {role!r}; a role must be a non-empty str"
        elif known_roles and role not in known_roles:
            yield (
                f"its rule has the unknown role {role!r}; it must be one of security.roles: "
                f"{', '.join(sorted(known_roles))}"
            )
    policy = rule.policy
    if policy is not None and not isinstance(policy, type) and len(_parameters(policy)) != 2:
        yield f"its policy {_name_of(policy)} must take two parameters: token, request"


def _parameters(function: Any) -> list[str]:
    """The names of the parameters that a caller must fill."""
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # written in C
        return ["token", "request"]
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in found):
        return ["token", "request"]
    return [p.name for p in found if p.default is inspect.Parameter.empty]


def _name_of(thing: Any) -> str:
    return str(getattr(thing, "__qualname__", None) or type(thing).__qualname__)
