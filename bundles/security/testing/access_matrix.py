"""The access matrix: every action of an application, called by every kind of client.

The actions do not run: each one is replaced by a function that notes that it was reached.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from types import MappingProxyType
from typing import Any

import attrs

from bundles.security.rules.access import Access, access_of
from bundles.security.rules.namespace_rules import NamespaceRules
from bundles.security.testing.matrix_clients import (
    MakeToken,
    MatrixClient,
    MatrixClients,
    MatrixUser,
)
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
    """One message, its verdict, and the expected one by its rules; None: a policy decides.

    Attributes:
        rule: of the route.
        namespace_rule: of the namespace of an event, which must hold too.
    """

    transport: str
    route: str
    client: str
    rule: Access
    verdict: Verdict
    expected: Verdict | None
    namespace_rule: Access | None = None

    @property
    def place(self) -> str:
        """The message and its rules, for the text of a problem."""
        outer = self.namespace_rule
        added = "" if outer is None else f", in a namespace with the rule {outer!r}"
        return f"{self.transport} {self.route} ({self.rule!r}{added})"

    @property
    def has_policy(self) -> bool:
        rules = (self.rule, self.namespace_rule)
        return any(r is not None and (r.policy or r.gate) for r in rules)


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
    """Calls every definition of *application*, over its transport: without a credential, with
    invalid ones, with an expired one, and as each of *users* with each credential that the
    application accepts. A user with roles also loses them between connecting and sending.

    Args:
        application: not booted; its database has *users*.
        users: identifiers that the `UserProvider` loads; a `MatrixUser` also has a password or an
            API key.
        params: by the name of a route, the parameters that its policy reads; by the template of a
            namespace, those of the namespace.
        unreachable: names of routes that none of *users* may call, on purpose.
        options: test options of the bundles of the application, such as ``database="memory"``,
            see `KernelClient`.
    """

    def __init__(
        self,
        application: Application,
        users: Iterable[str | MatrixUser],
        params: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
        unreachable: Collection[str] = (),
        **options: Any,
    ) -> None:
        self._reached = _Reached()
        self._users = [_matrix_user(user) for user in users]
        self._params = params
        self._unreachable = frozenset(unreachable)
        application.listeners = (*application.listeners, self._reached)
        self._client = KernelClient(application, **options)

    async def rows(self, make_token: MakeToken | None = None) -> list[Row]:
        """All rows. The application is stopped afterwards.

        Raises:
            AssertionError: the provider does not have one of the users, the settings do not accept
                a credential of one, *params* has a key that is neither a route nor a namespace, or
                *unreachable* has a name that is not a route.
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
            AssertionError: lists every problem: a verdict other than the expected one, a policy
                that decides differently over two transports, a route that no user may call and
                that *unreachable* does not name, or a name there that a user may call.
        """
        rows = await self.rows(make_token)
        unreached = _unreached(rows, self._unreachable)
        problems = [*_unexpected(rows), *_unequal(rows), *unreached]
        assert not problems, "\n".join(problems)
        return rows

    def _refuse_unknown(self, definitions: list[Definition]) -> None:
        known = {definition.name for definition in definitions}
        known |= {d.namespace for d in definitions if isinstance(d, WebSocketDefinition)}
        unknown = ", ".join(repr(key) for key in self._params if key not in known)
        assert not unknown, (
            f"params has {unknown}; its keys must be names of routes or templates of namespaces: "
            f"{', '.join(sorted(known))}"
        )
        names = {definition.metadata.key for definition in definitions}
        wrong = ", ".join(repr(name) for name in sorted(self._unreachable - names))
        assert not wrong, (
            f"unreachable has {wrong}; it must have names of routes: {', '.join(sorted(names))}"
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
                        self._namespace_rule(definition),
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

    def _namespace_rule(self, definition: Definition) -> Access | None:
        if not isinstance(definition, WebSocketDefinition):
            return None
        rules = self._client.application.injector.get(NamespaceRules)
        return rules.by_namespace.get(definition.namespace)

    def _expected_of(
        self,
        one: MatrixClient,
        definition: Definition,
        connection: RecordingConnection | int | None,
    ) -> Verdict | None:
        """The expected verdict for *one*: by the rule of the route; for an event, the rule of its
        namespace comes first."""
        expected = _expected(access_of(definition), one.token_later)
        if not isinstance(definition, WebSocketDefinition):
            return expected
        rule = self._namespace_rule(definition)
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
    """The expected verdict by *rule*; None if a policy or a gate decides."""
    if rule.gate is not None:
        return None
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


def _matrix_user(user: object) -> MatrixUser:
    if isinstance(user, MatrixUser):
        return user
    assert isinstance(user, str), (
        f"users has {user!r}; it must have identifiers that load() of the UserProvider finds, "
        f'such as "ada", or MatrixUser("ada", …)'
    )
    return MatrixUser(user)


def _unexpected(rows: list[Row]) -> Iterator[str]:
    for row in rows:
        where = f"{row.place}, {row.client}"
        if row.expected is not None and row.verdict != row.expected:
            yield f"{where}: {row.verdict}, expected {row.expected}"
        allowed = (RAN, 403, 404, 422) if row.rule.gate is None else (RAN, 401, 403, 404, 422)
        if row.expected is None and row.verdict not in allowed:
            yield f"{where}: {row.verdict}; add the parameters that its policy reads to params"


def _unreached(rows: list[Row], marked: Collection[str]) -> Iterator[str]:
    """Routes that no user reaches, so that their rules are not proved to allow anyone: no user has
    the role, a policy refuses all, or a parameter that it reads is missing or does not exist."""
    by_route: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        by_route.setdefault((row.transport, row.route), []).append(row)
    for (_, route), found in by_route.items():
        is_reached = any(row.verdict == RAN for row in found)
        place = found[0].place
        if route in marked:
            if is_reached:
                yield f"{place}: unreachable names it, but a user may call it; remove the name"
        elif not is_reached:
            yield f"{place}: {_reason(found)}, or name the route in unreachable"


def _reason(found: list[Row]) -> str:
    """The reason why no user has reached a route, and the remedy."""
    decided = sorted({str(row.verdict) for row in found if row.expected is None})
    if decided == ["422"] or (not decided and found[0].has_policy):
        return (
            "its policy was not called for any user; add a user, or the parameters that it reads "
            "to params"
        )
    if decided:
        return (
            f"its policy allows no user of the matrix ({', '.join(decided)}); add a user whom it "
            f"allows, or parameters of something that exists to params"
        )
    return "no user of the matrix may call it; add a user who may"


def _unequal(rows: list[Row]) -> Iterator[str]:
    """Policies that decide differently for one client over two transports."""
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        if row.expected is None:
            first = found.setdefault((row.route, row.client), row)
            if first.verdict != row.verdict and first.rule == row.rule:
                yield (
                    f"{row.route} ({row.rule!r}), {row.client}: {first.verdict} over "
                    f"{first.transport}, {row.verdict} over {row.transport}"
                )
