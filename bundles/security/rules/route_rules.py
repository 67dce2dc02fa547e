"""Enforces the rule of each route, over every transport, before the body is read."""

import logging
from collections.abc import Awaitable
from typing import Any

from injector import inject

from bundles.security.credentials.authentication import Authentication
from bundles.security.current_user import takes_user
from bundles.security.exceptions import BadCredentials
from bundles.security.rules.access import AUTHENTICATED, OPTION, PUBLIC, Access, rule_of
from bundles.security.rules.namespace_rules import DeclaredRules
from bundles.security.rules.rules import Rules
from bundles.security.sockets.socket_identities import SocketIdentities
from bundles.security.token import ANONYMOUS, Token
from rxkernel import (
    ConfigurationError,
    Definition,
    DefinitionEvent,
    HeadEvent,
    KernelEvents,
    Request,
    observe,
)

logger = logging.getLogger(__name__)

PRIORITY = 100
"""The priority of the listeners here. An earlier listener may set ``request.token`` itself."""


def _is_public(definition: Definition) -> bool:
    rule = definition.options.get(OPTION)
    return isinstance(rule, Access) and rule.level == "public"


def _has_gate(definition: Definition) -> bool:
    return _is_public(definition) and definition.options[OPTION].gate is not None


def _is_open(definition: Definition) -> bool:
    return _is_public(definition) and definition.options[OPTION].gate is None


def _is_protected(definition: Definition) -> bool:
    return not _is_public(definition)


class RouteRules:
    """Sets ``request.token`` of each message, and refuses messages that the rule does not
    allow."""

    @inject
    def __init__(
        self,
        rules: Rules,
        declared: DeclaredRules,
        authentication: Authentication,
        sockets: SocketIdentities,
    ) -> None:
        self._rules = rules
        self._authentication = authentication
        self._may_have_credential = authentication.read.may_have
        self._sockets = sockets
        self._default: Access | None = None
        if declared.default is not None:
            given = rule_of(declared.default)
            self._default = rules.compile(given, "SecurityBundle(access=…)")

    @observe(KernelEvents.KERNEL_DEFINITION, priority=1000)
    async def compile(self, event: DefinitionEvent) -> None:
        """Set the rule of a definition, as its option."""
        definition = event.definition
        place = f"route {definition.metadata.key!r} ({definition.metadata.location})"
        given = definition.options.get(OPTION, self._rule_without_label(definition))
        if given is None:
            raise ConfigurationError(
                f"{place} has no access rule; put @access(…) on the method or its class, "
                f"options={{'access': access(…)}} on a route that is made in code, or set a "
                f'default: SecurityBundle(…, access="authenticated")'
            )
        rule = self._rules.compile(given, place)
        if rule.level in ("public", "session") and takes_user(definition):
            raise ConfigurationError(
                f"{place} takes a CurrentUser, but its rule allows clients without one: {rule!r}; "
                f"write CurrentUser[…] | None, or another rule"
            )
        event.set_option(OPTION, rule)

    def _rule_without_label(self, definition: Definition) -> Access | None:
        is_declared = "public" in definition.metadata.options  # an option of the application
        if definition.options.get("public") is True and not is_declared:  # /healthz, or a task
            return PUBLIC
        return AUTHENTICATED if takes_user(definition) else self._default

    @observe(KernelEvents.KERNEL_HEAD, priority=PRIORITY, only=_is_open)
    async def identify(self, event: HeadEvent) -> None:
        """Set the token of a message to a public route; an invalid credential is ignored."""
        request = event.request
        if request.token is None:
            if request.connection is None and not self._may_have_credential(request.headers):
                request.token = ANONYMOUS
                return
            try:
                rule = request.definition.options[OPTION]
                request.token = await self._token_of(request, rule)
            except BadCredentials as exc:
                logger.debug("ignored an invalid credential on a public route: %s", exc.reason)
                request.token = ANONYMOUS

    @observe(KernelEvents.KERNEL_HEAD, priority=PRIORITY, only=_has_gate)
    async def check_gate(self, event: HeadEvent) -> None:
        """Set the token of a message to a public route that has a gate, and apply the rule."""
        await self.identify(event)
        request = event.request
        await self._rules.decide(request.definition.options[OPTION], request.token, request)

    @observe(KernelEvents.KERNEL_HEAD, priority=PRIORITY, only=_is_protected)
    async def check(self, event: HeadEvent) -> None:
        """Set the token of a message to another route, and apply the rule."""
        request = event.request
        rule = request.definition.options[OPTION]
        if (token := request.token) is None:
            token = request.token = await self._token_of(request, rule)
        if not (rule.needs_user_only and token.is_authenticated):
            await self._rules.decide(rule, token, request)

    def _token_of(self, request: Request, rule: Access) -> Awaitable[Token[Any]]:
        connection, gate = request.connection, rule.gate
        if connection is None:
            if gate is None:
                return self._authentication.of_message(request)
            is_taken = gate.reads_basic(request)
            return self._authentication.of_message(request, is_basic_taken=is_taken)
        return self._sockets.token_of(connection, request)
