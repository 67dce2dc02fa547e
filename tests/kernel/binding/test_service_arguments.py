"""``Annotated[T, Inject()]``: keys of every kind, and services that are not bound."""

from typing import Annotated, Any, NewType

import pytest
from injector import Binder, singleton

from rxkernel import (
    Application,
    ConfigurationError,
    Connection,
    Inject,
    connection_scope,
    http,
    request_scope,
    websocket,
)
from rxkernel.pytest_plugin import ClientOf


class Session:
    def __init__(self, name: str = "main") -> None:
        self.name = name


ReadOnlySession = NewType("ReadOnlySession", Session)
Dsn = Annotated[str, "dsn"]
MainSession = Annotated[Session, Inject()]

DEFAULT = Session("default")


class Actions:
    @http("GET", "/optional", "optional")
    @websocket("optional")
    async def optional(self, session: Annotated[Session | None, Inject()]) -> str | None:
        return session.name if session else None

    @http("GET", "/outside", "outside")
    async def outside(self, session: MainSession | None) -> str | None:
        return session.name if session else None

    @http("GET", "/none", "none")
    async def none(self, session: Annotated[Session | None, Inject()] = None) -> str | None:
        return session.name if session else None

    @http("GET", "/default", "default")
    @websocket("default")
    async def default(self, session: Annotated[Session, Inject()] = DEFAULT) -> str:
        return session.name


NAMES = ("optional", "outside", "none", "default")


async def test_unbound_service_is_none_or_default(client_of: ClientOf) -> None:
    client = client_of(Actions)

    assert [(await client.http(name)).content for name in NAMES] == [None, None, None, "default"]
    assert (await client.websocket("optional")).content is None
    assert (await client.websocket("default")).content == "default"


@pytest.mark.parametrize("scope", [singleton, request_scope, None])
async def test_service_that_is_bound_is_injected_for_an_optional_parameter(
    client_of: ClientOf, scope: Any
) -> None:
    client = client_of(Actions, modules=[lambda b: b.bind(Session, scope=scope)])

    assert [(await client.http(name)).content for name in NAMES] == ["main"] * 4


async def test_optional_connection_service_over_http_is_none(
    client_of: ClientOf,
) -> None:
    """Like `Connection | None`, so that one action works for both transports."""
    client = client_of(Actions, modules=[lambda b: b.bind(Session, scope=connection_scope)])

    assert (await client.http("optional")).content is None
    assert (await client.http("default")).content == "default"
    assert (await client.websocket("optional")).content == "main"


async def test_optional_connection_is_injected(client_of: ClientOf) -> None:
    class Connected:
        @http("GET", "/", "connected")
        @websocket("connected")
        async def act(self, connection: Annotated[Connection | None, Inject()]) -> bool:
            return connection is not None

    client = client_of(Connected)

    assert (await client.http("connected")).content is False
    assert (await client.websocket("connected")).content is True


class Keyed:
    @http("GET", "/new-type", "new_type")
    async def new_type(
        self,
        session: Annotated[ReadOnlySession, Inject()],
        main: Annotated[Session, Inject()],
        other: Annotated[ReadOnlySession | None, Inject()] = None,
    ) -> list[str]:
        assert other is session
        return [session.name, main.name]

    @http("GET", "/annotated", "annotated")
    async def annotated(self, dsn: Annotated[Dsn, Inject()]) -> str:
        return dsn


def configure(binder: Binder) -> None:
    binder.bind(
        ReadOnlySession, to=lambda: ReadOnlySession(Session("replica")), scope=request_scope
    )
    binder.bind(Session, scope=request_scope)
    binder.bind(Dsn, to="sqlite://")


async def test_new_type_and_annotated_are_keys(client_of: ClientOf) -> None:
    client = client_of(Keyed, modules=[configure])

    assert (await client.http("new_type")).content == ["replica", "main"]
    assert (await client.http("annotated")).content == "sqlite://"


async def test_new_type_is_a_separate_key() -> None:
    with pytest.raises(ConfigurationError) as raised:
        await Application(
            controllers=[Keyed],
            modules=[lambda b: b.bind(Session), lambda b: b.bind(str, to="x")],
        ).boot()

    message = str(raised.value)
    assert "asks for ReadOnlySession, which nothing binds" in message
    assert "asks for Annotated[str, 'dsn'], which nothing binds" in message


async def test_http_action_with_connection_service_raises_with_hint() -> None:
    class Seated:
        @http("GET", "/", "seated")
        async def act(self, session: Annotated[Session, Inject()]) -> None: ...

    with pytest.raises(ConfigurationError, match=r"take it as Session \| None, or take the Req"):
        await Application(
            controllers=[Seated], modules=[lambda b: b.bind(Session, scope=connection_scope)]
        ).boot()
