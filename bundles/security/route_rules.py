"""Enforces the rule of each route, over every transport, before the body is read."""

import inspect
import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs
from injector import Injector, inject

from bundles.security.access import (
    AUTHENTICATED,
    OPTION,
    PUBLIC,
    Access,
    Policy,
    problems_of,
)
from bundles.security.authentication import Authentication
from bundles.security.current_user import takes_user
from bundles.security.exceptions import BadCredentials, Unauthenticated
from bundles.security.roles import RoleHierarchy
from bundles.security.socket_identities import SocketIdentities
from bundles.security.token import ANONYMOUS, Token
from rxkernel import (
    ConfigurationError,
    Definition,
    DefinitionEvent,
    ForbiddenException,
    HeadEvent,
    KernelEvents,
    Request,
    observe,
)

logger = logging.getLogger(__name__)

PRIORITY = 100
"""That of the head listeners. A listener before them may set ``request.token`` itself."""


@attrs.frozen
class DeclaredRules:
    """The rules that are given to `SecurityBundle`."""

    default: object = None
    connect: Mapping[str, object] = MappingProxyType({})


class RuleCompiler:
    """Checks rules at boot, and builds their policies."""

    @inject
    def __init__(self, injector: Injector, roles: RoleHierarchy) -> None:
        self._injector = injector
        self._roles = roles
        self._policies: dict[type[Policy], Policy] = {}

    def compile(self, rule: object, place: str) -> Access:
        """*rule*, with the method of its policy in place of a class.

        Raises:
            ConfigurationError: with every problem, at *place*.
        """
        if isinstance(rule, str):
            rule = Access(rule)  # type: ignore[arg-type] # checked below
        if problems := tuple(problems_of(rule, self._roles.known)):
            raise ConfigurationError(*(f"{place}: {problem}" for problem in problems))
        assert isinstance(rule, Access)
        policy = rule.policy
        if isinstance(policy, type):
            return attrs.evolve(rule, policy=self._policy(policy, place).allows)
        return rule

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


async def decide(rule: Access, token: Token[Any], request: Request) -> None:
    """Return if *rule* allows the message.

    Raises:
        Unauthenticated: the rule needs an identity, and *token* is anonymous.
        ForbiddenException: the identity does not fit the rule.
        TypeError: a policy returned something else than a bool.
    """
    if rule.level == "public":
        return
    if not token.is_authenticated:
        raise Unauthenticated
    if rule.level == "fully_authenticated" and not token.is_fully_authenticated:
        raise ForbiddenException(code="fully_authenticated_required")
    if rule.roles and rule.roles.isdisjoint(token.roles):
        raise ForbiddenException
    if rule.policy is not None:
        allowed: Any = rule.policy(token, request)  # type: ignore[call-arg, arg-type] # built
        if inspect.isawaitable(allowed):
            allowed = await allowed
        if allowed is not True:
            if allowed is not False:
                raise TypeError(f"the policy of {rule!r} returned {allowed!r}; return a bool")
            raise ForbiddenException


def _is_public(definition: Definition) -> bool:
    rule = definition.options.get(OPTION)
    return isinstance(rule, Access) and rule.level == "public"


def _is_protected(definition: Definition) -> bool:
    return not _is_public(definition)


class RouteRules:
    """Sets ``request.token`` on each message, and refuses those that their rule does not allow."""

    @inject
    def __init__(
        self,
        compiler: RuleCompiler,
        declared: DeclaredRules,
        authentication: Authentication,
        sockets: SocketIdentities,
    ) -> None:
        self._compiler = compiler
        self._authentication = authentication
        self._sockets = sockets
        self._default: Access | None = None
        if declared.default is not None:
            self._default = compiler.compile(declared.default, "SecurityBundle(access=…)")

    @observe(KernelEvents.KERNEL_DEFINITION, priority=1000)
    async def compile(self, event: DefinitionEvent) -> None:
        """Set the rule of a definition, as its option."""
        definition = event.definition
        place = f"route {definition.metadata.key!r} ({definition.metadata.place})"
        given = definition.options.get(OPTION, self._rule_without_label(definition))
        if given is None:
            raise ConfigurationError(
                f"{place} has no access rule; put @access(…) on the method or its class, or set "
                f'a default: SecurityBundle(…, access="authenticated")'
            )
        rule = self._compiler.compile(given, place)
        if rule.level in ("public", "session") and takes_user(definition):
            raise ConfigurationError(
                f"{place} takes a CurrentUser, but its rule allows clients without one: {rule!r}; "
                f"write CurrentUser[…] | None, or another rule"
            )
        event.set_option(OPTION, rule)

    def _rule_without_label(self, definition: Definition) -> Access | None:
        if definition.options.get("public") is True:  # a route of rxkernel, such as /healthz
            return PUBLIC
        return AUTHENTICATED if takes_user(definition) else self._default

    @observe(KernelEvents.KERNEL_HEAD, priority=PRIORITY, only=_is_public)
    async def identify(self, event: HeadEvent) -> None:
        """Set the token of a message to a public route; an invalid credential is ignored."""
        request = event.request
        if request.token is None:
            try:
                await self._set_token(request)
            except BadCredentials as exc:
                logger.debug("ignored on a public route: %s", exc.reason)
                request.token = ANONYMOUS

    @observe(KernelEvents.KERNEL_HEAD, priority=PRIORITY, only=_is_protected)
    async def check(self, event: HeadEvent) -> None:
        """Set the token of a message to another route, and decide."""
        request = event.request
        if request.token is None:
            await self._set_token(request)
        await decide(request.definition.options[OPTION], request.token, request)

    async def _set_token(self, request: Request) -> None:
        connection = request.connection
        request.token = (
            await self._authentication.of_message(request)
            if connection is None
            else await self._sockets.token_of(connection, request)
        )
