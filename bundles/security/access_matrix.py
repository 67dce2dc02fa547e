"""The access matrix: every action of an application, called by every kind of client.

No action runs: each is replaced by one that only notes that it was reached.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from types import MappingProxyType
from typing import Any

import attrs

from bundles.security.access import Access, access_of
from bundles.security.connect_rules import ConnectRules
from bundles.security.matrix_clients import MakeToken, MatrixClient, MatrixClients, MatrixUser
from bundles.security.token import Token
from rxkernel import (
    Application,
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


@attrs.frozen
class Row:
    """One message, its verdict, and the one that its rule gives; None: a policy decides."""

    transport: str
    route: str
    client: str
    rule: Access
    verdict: Verdict
    expected: Verdict | None


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
    """Calls every definition of *application*, over its transport, without a credential, with bad
    ones, with an expired one, and as each of *users* with each credential that the application
    accepts; users with roles also when they lose them between connecting and sending.

    Args:
        application: one that is not booted; its database has *users*.
        users: identifiers that the `UserProvider` loads; a `MatrixUser` also has a password or an
            API key.
        params: by the name of a route, the parameters that its policy reads; by the template of a
            namespace, those of the namespace.
    """

    def __init__(
        self,
        application: Application,
        users: Iterable[str | MatrixUser],
        params: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    ) -> None:
        self._reached = _Reached()
        self._users = [MatrixUser(user) if isinstance(user, str) else user for user in users]
        self._params = params
        application.listeners = (*application.listeners, self._reached)
        self._client = KernelClient(application)

    async def rows(self, make_token: MakeToken | None = None) -> list[Row]:
        """All rows. The application is stopped afterwards.

        Raises:
            AssertionError: the provider has not one of the users, the settings do not accept a
                credential of one, or *params* has a key that is neither a route nor a namespace.
        """
        async with self._client as client:
            made = MatrixClients(client.application.injector, self._users, make_token)
            clients = [one async for one in made.all()]
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

    # --- messages

    async def _rows_of(self, one: MatrixClient, definitions: list[Definition]) -> list[Row]:
        rows = []
        async with AsyncExitStack() as stack:
            connections: dict[str, RecordingConnection | int] = {}
            for definition in definitions:
                connection: RecordingConnection | int | None = None
                if isinstance(definition, WebSocketDefinition):
                    namespace = self._namespace(definition)
                    if one.changes or namespace not in connections:
                        connections[namespace] = await self._connect(one, namespace, stack)
                    connection = connections[namespace]
                verdict = (
                    connection
                    if isinstance(connection, int)
                    else await self._send(one, definition, connection)
                )
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
        self, one: MatrixClient, namespace: str, stack: AsyncExitStack
    ) -> RecordingConnection | int:
        connection = self._client.connection(namespace, **one.handshake)
        try:
            return await stack.enter_async_context(connection)
        except ConnectionRefusedException as exc:
            return exc.response.status_code

    async def _send(
        self, one: MatrixClient, definition: Definition, connection: RecordingConnection | None
    ) -> Verdict:
        request = Request(
            definition.transport,
            one.headers if connection is None else None,
            params=dict(self._params.get(definition.name, {})),
            connection=connection,
        )
        self._reached.is_reached = False
        with one.sending():
            try:
                status = (await definition.handler(request)).status_code
            except HttpException as exc:
                status = exc.status_code
        return RAN if self._reached.is_reached else status

    def _expected_of(
        self,
        one: MatrixClient,
        definition: Definition,
        connection: RecordingConnection | int | None,
    ) -> Verdict | None:
        """The verdict for *one*: that of its rule, for an event after that of its namespace."""
        expected = _expected(access_of(definition), one.token_later)
        if not isinstance(definition, WebSocketDefinition):
            return expected
        rules = self._client.application.injector.get(ConnectRules)
        rule = rules.rule_for(definition.namespace)
        if rule is None:  # only a bad credential is refused
            return 401 if one.token is None else expected
        connecting = [_expected(rule, token) for token in (one.token, one.token_later)]
        for verdict in connecting:
            if verdict not in (None, RAN):
                return verdict
        if None in connecting and (isinstance(connection, int) or one.changes):
            return None  # a policy decides
        return expected


def _expected(rule: Access, token: Token[Any] | None) -> Verdict | None:
    """The verdict that *rule* gives; None if a policy decides."""
    if rule.level == "public":
        return RAN
    if token is None:
        return 401
    if not token.is_authenticated:
        needs_user = rule.level != "session" or rule.roles or rule.policy
        return 401 if needs_user or token.credential != "session" else RAN
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
