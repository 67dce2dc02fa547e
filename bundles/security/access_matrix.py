"""The access matrix: every action of an application, called by every kind of client.

No action runs: each is replaced by one that only notes that it was reached.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, nullcontext
from functools import partial
from types import MappingProxyType
from typing import Any

import attrs

from bundles.security.access import Access, access_of
from bundles.security.access_tokens import AccessTokens
from bundles.security.authentication import Authentication
from bundles.security.connect_rules import ConnectRules
from bundles.security.events import SecurityEvents, TokenCreatedEvent
from bundles.security.token import ANONYMOUS, Token
from bundles.security.users import UserProvider
from rxkernel import (
    Application,
    AsyncEventDispatcher,
    ConnectionRefusedException,
    Definition,
    DefinitionEvent,
    HttpException,
    KernelClient,
    KernelEvents,
    RecordingConnection,
    Request,
    WebSocketDefinition,
    observe,
)

RAN = "ran"
"""The verdict for a client whose message reached the action."""

Verdict = str | int
"""`RAN`, or the status of the error."""

MakeToken = Callable[[str, bool], Awaitable[str]]
"""Returns an access token of the user with an identifier; expired, if the second argument is true.

For applications that accept tokens of another issuer only."""


@attrs.frozen
class Row:
    """One message, its verdict, and the one that its rule gives; None: a policy decides."""

    transport: str
    route: str
    client: str
    rule: Access
    verdict: Verdict
    expected: Verdict | None


@attrs.frozen
class _Client:
    """A kind of client: its name, its token as text, and as `Token`; None: the text is refused."""

    name: str
    text: str | None
    token: Token[Any] | None


async def _make_token(
    tokens: AccessTokens, dispatcher: AsyncEventDispatcher, identifier: str, is_expired: bool
) -> str:
    async def expire(event: TokenCreatedEvent) -> None:
        event.payload["exp"] = time.time() - 86_400
        event.payload["iat"] = event.payload["exp"] - 60

    created = dispatcher.signal(SecurityEvents.TOKEN_CREATED)
    with created.connected_to(expire) if is_expired else nullcontext():
        text, _ = await tokens.create(identifier)
    return text


class _Reached:
    """Replaces every action."""

    def __init__(self) -> None:
        self.is_reached = False

    @observe(KernelEvents.KERNEL_DEFINITION, priority=-1_000_000)
    async def replace(self, event: DefinitionEvent) -> None:
        event.wrap(lambda _: self._note)

    async def _note(self, request: Request) -> None:
        self.is_reached = True


class AccessMatrix:
    """Calls every definition of *application*, over its transport, without a credential, with a
    bad one, with an expired one, and as each of *users*.

    Args:
        application: one that is not booted; its database has *users*.
        users: identifiers that the `UserProvider` loads.
        params: by the name of a route, the parameters that its policy reads; by the template of a
            namespace, those of the namespace.
    """

    def __init__(
        self,
        application: Application,
        users: Iterable[str],
        params: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    ) -> None:
        self._reached = _Reached()
        self._users = tuple(users)
        self._params = params
        application.listeners = (*application.listeners, self._reached)
        self._client = KernelClient(application)

    async def rows(self, make_token: MakeToken | None = None) -> list[Row]:
        """All rows. The application is stopped afterwards.

        Raises:
            AssertionError: the provider has not one of the users, or *params* has a key that is
                neither a route nor a namespace.
        """
        async with self._client as client:
            clients = [c async for c in self._clients(make_token)]
            definitions = [
                *client.application.kernel.http_definitions,
                *client.application.kernel.compiled.procedures,
                *client.application.kernel.websocket_definitions,
            ]
            self._refuse_unknown(definitions)
            return [row for one in clients for row in await self._rows_of(one, definitions)]

    async def check(self, make_token: MakeToken | None = None) -> list[Row]:
        """Return all rows, if they are right.

        Raises:
            AssertionError: with every problem: a verdict that the rule does not give, a policy
                that decides differently over two transports or was never asked, a rule that no
                user fulfils.
        """
        rows = await self.rows(make_token)
        problems = [*_unexpected(rows), *_unequal(rows), *_unreached(rows)]
        assert not problems, "\n".join(problems)
        return rows

    def _refuse_unknown(self, definitions: list[Definition]) -> None:
        known = {definition.name for definition in definitions}
        known |= {d.namespace for d in definitions if isinstance(d, WebSocketDefinition)}
        unknown = ", ".join(repr(key) for key in self._params if key not in known)
        assert not unknown, (
            f"params has {unknown}; its keys are names of routes and templates of namespaces: "
            f"{', '.join(sorted(known))}"
        )

    # --- clients

    async def _clients(self, make_token: MakeToken | None) -> AsyncIterator[_Client]:
        client = self._client
        injector = client.application.injector
        make = make_token or partial(_make_token, injector.get(AccessTokens), client.dispatcher)
        provider: UserProvider[Any] = injector.get(UserProvider)  # type: ignore[type-abstract]
        authentication = injector.get(Authentication)
        yield _Client("no credential", None, ANONYMOUS)
        yield _Client("bad credential", "not.a.token", None)
        for number, identifier in enumerate(self._users):
            user = await provider.load(identifier)
            assert user is not None, f"the provider has no user {identifier!r}"
            if number == 0:
                yield _Client("expired credential", await make(identifier, True), None)
            token = authentication.token(user, "bearer", identifier=identifier)
            yield _Client(identifier, await make(identifier, False), token)

    # --- messages

    async def _rows_of(self, one: _Client, definitions: list[Definition]) -> list[Row]:
        rows = []
        async with AsyncExitStack() as stack:
            connections: dict[str, RecordingConnection | int] = {}
            for definition in definitions:
                connection: RecordingConnection | int | None = None
                if isinstance(definition, WebSocketDefinition):
                    namespace = self._namespace(definition)
                    if namespace not in connections:
                        connections[namespace] = await self._connect(one, namespace, stack)
                    connection = connections[namespace]
                    verdict = (
                        connection
                        if isinstance(connection, int)
                        else await self._send(definition, connection=connection)
                    )
                else:
                    headers = {} if one.text is None else {"Authorization": f"Bearer {one.text}"}
                    verdict = await self._send(definition, headers=headers)
                rows.append(
                    Row(
                        str(definition.transport),
                        definition.metadata.key,
                        one.name,
                        access_of(definition),
                        verdict,
                        self._expected_of(one, definition, connection),
                    )
                )
        return rows

    def _namespace(self, definition: WebSocketDefinition) -> str:
        if definition.template is None:
            return definition.namespace
        return definition.template.format(**self._params.get(definition.namespace, {}))

    async def _connect(
        self, one: _Client, namespace: str, stack: AsyncExitStack
    ) -> RecordingConnection | int:
        auth = None if one.text is None else {"token": one.text}
        try:
            return await stack.enter_async_context(self._client.connection(namespace, auth=auth))
        except ConnectionRefusedException as exc:
            return exc.response.status_code

    async def _send(self, definition: Definition, **given: Any) -> Verdict:
        params = self._params.get(definition.name, {})
        request = Request(definition.transport, params=dict(params), **given)
        self._reached.is_reached = False
        try:
            status = (await definition.handler(request)).status_code
        except HttpException as exc:
            status = exc.status_code
        return RAN if self._reached.is_reached else status

    def _expected_of(
        self, one: _Client, definition: Definition, connection: RecordingConnection | int | None
    ) -> Verdict | None:
        """The verdict for *one*: that of its rule, for an event after that of its namespace."""
        expected = _expected(access_of(definition), one.token)
        if not isinstance(definition, WebSocketDefinition):
            return expected
        rules = self._client.application.injector.get(ConnectRules)
        rule = rules.rule_for(definition.namespace)
        if rule is None:  # only a bad credential is refused
            return 401 if one.token is None else expected
        connecting = _expected(rule, one.token)
        if connecting is None:  # a policy decides who connects
            return None if isinstance(connection, int) else expected
        return expected if connecting == RAN else connecting


def _expected(rule: Access, token: Token[Any] | None) -> Verdict | None:
    """The verdict that *rule* gives; None if a policy decides."""
    if rule.level == "public":
        return RAN
    if token is None or not token.is_authenticated:
        return 401
    if rule.roles and rule.roles.isdisjoint(token.roles):
        return 403
    return None if rule.policy is not None else RAN


def _unexpected(rows: list[Row]) -> Iterator[str]:
    for row in rows:
        where = f"{row.transport} {row.route} ({row.rule!r}), {row.client}"
        if row.expected is not None and row.verdict != row.expected:
            yield f"{where}: {row.verdict}, expected {row.expected}"
        if row.expected is None and row.verdict not in (RAN, 403, 404, 422):
            yield f"{where}: {row.verdict}; give the parameters that its policy reads"


def _unreached(rows: list[Row]) -> Iterator[str]:
    """Rules that no user fulfils, so that nothing shows that they let any pass; and policies that
    were not asked, because a parameter that they read is missing or no user has the role."""
    by_route: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        by_route.setdefault((row.transport, row.route), []).append(row)
    for (transport, route), found in by_route.items():
        rule = found[0].rule
        where = f"{transport} {route} ({rule!r})"
        if rule.policy is None and all(row.verdict != RAN for row in found):
            yield f"{where}: no user of the matrix may call it; add one"
        if rule.policy is not None and all(row.verdict == 422 for row in _decided(found)):
            yield (
                f"{where}: its policy decided for no user; add a user, or give the parameters "
                f"that it reads in params"
            )


def _decided(rows: list[Row]) -> list[Row]:
    """Those that a policy decides."""
    return [row for row in rows if row.expected is None]


def _unequal(rows: list[Row]) -> Iterator[str]:
    """Policies that give one client different verdicts over two transports."""
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        if row.expected is None:
            first = found.setdefault((row.route, row.client), row)
            if first.verdict != row.verdict and first.rule == row.rule:
                yield (
                    f"{row.route} ({row.rule!r}), {row.client}: {first.verdict} over "
                    f"{first.transport}, {row.verdict} over {row.transport}"
                )
