"""Checks rules at boot, and applies them to messages."""

import inspect
import logging
from typing import Any

import attrs
from injector import Injector, inject

from bundles.security.credentials.session_reader import SessionReader
from bundles.security.exceptions import Unauthenticated
from bundles.security.rules.access import Access, Policy, problems_of
from bundles.security.rules.roles import RoleHierarchy
from bundles.security.settings import SecuritySettings
from bundles.security.token import Token
from bundles.security.user_attributes import class_without
from bundles.security.users import UserProvider
from rxkernel import ConfigurationError, ForbiddenException, Request

logger = logging.getLogger(__name__)

_BASIC = 'Bearer, Basic realm="rxkernel", charset="UTF-8"'
"""The challenge of a server that accepts both (RFC 6750, RFC 7617)."""


class Rules:
    """Checks rules and builds their policies at boot, and applies them to messages."""

    @inject
    def __init__(
        self,
        injector: Injector,
        roles: RoleHierarchy,
        sessions: SessionReader,
        settings: SecuritySettings,
        users: UserProvider,  # type: ignore[type-arg] # as a key
    ) -> None:
        self._has_sessions = sessions.is_enabled
        self._injector = injector
        self._roles = roles
        self._challenge = {"WWW-Authenticate": _BASIC if settings.basic else "Bearer"}
        self._policies: dict[type[Policy], Policy] = {}
        self._provider = type(users).__qualname__
        self._without_roles = class_without(users, "roles")

    def compile(self, rule: object, place: str) -> Access:
        """Return *rule*; a policy class is replaced by the method ``allows`` of an instance.

        Raises:
            ConfigurationError: every problem of the rule, which is at *place*.
        """
        problems = tuple(problems_of(rule, self._roles.known))
        if isinstance(rule, Access) and rule.level == "session" and not self._has_sessions:
            problems += (
                "its rule is 'session', but the bundle 'sessions' is not enabled; write "
                'Application(bundles=["sessions", …])',
            )
        if problems:
            raise ConfigurationError(*(f"{place}: {problem}" for problem in problems))
        assert isinstance(rule, Access)
        if rule.roles:
            self._check_users(rule, place)
        policy = rule.policy
        if isinstance(policy, type):
            return attrs.evolve(rule, policy=self._policy(policy, place).allows)
        return rule

    def _check_users(self, rule: Access, place: str) -> None:
        """Log once that a rule needs a role, but users have no roles. It is not an error, since a
        listener may set tokens with roles."""
        if self._without_roles is not None:
            kind, self._without_roles = self._without_roles.__qualname__, None
            logger.warning(
                "%s needs a role (%s), but %s loads users of the class %s, which has no attribute "
                "roles; add it, or override roles() of %s",
                place,
                ", ".join(sorted(rule.roles)),
                self._provider,
                kind,
                self._provider,
            )

    def _policy(self, cls: type[Policy], place: str) -> Policy:
        if cls not in self._policies:
            try:
                is_bound = self._injector.binder.has_explicit_binding_for(cls)
                build = self._injector.get if is_bound else self._injector.create_object
                self._policies[cls] = build(cls)
            except Exception as exc:
                raise ConfigurationError(
                    f"{place}: the policy {cls.__qualname__} cannot be built: {exc}"
                ) from exc
        return self._policies[cls]

    async def decide(self, rule: Access, token: Token[Any], request: Request) -> None:
        """Return if *rule* allows the message.

        Raises:
            Unauthenticated: *token* is anonymous, and the rule needs an identity or its gate does
                not admit the client.
            ForbiddenException: the rule does not allow the user.
            TypeError: a policy did not return a bool.
        """
        if rule.gate is not None and not rule.gate.admits(token, request):
            if token.is_authenticated:
                raise ForbiddenException
            raise Unauthenticated(headers=self._challenge)
        if rule.level == "public":
            return
        needs_user = rule.level != "session" or bool(rule.roles or rule.policy)
        if not token.is_authenticated and (needs_user or token.credential != "session"):
            raise Unauthenticated(headers=self._challenge)
        if rule.level == "fully_authenticated" and not token.is_fully_authenticated:
            raise ForbiddenException(code="fully_authenticated_required")
        if rule.roles and rule.roles.isdisjoint(token.roles):
            raise ForbiddenException
        if rule.policy is not None:
            allowed: Any = rule.policy(token, request)  # type: ignore[call-arg] # built
            if inspect.isawaitable(allowed):
                allowed = await allowed
            if allowed is not True:
                if allowed is not False:
                    raise TypeError(f"the policy of {rule!r} returned {allowed!r}; return a bool")
                raise ForbiddenException
