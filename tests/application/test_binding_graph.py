"""Boot reports missing dependencies of services that are built per message or connection, too."""

from collections.abc import Callable
from typing import Annotated, Any

import attrs
import pytest
from injector import Binder, Module, ProviderOf, inject, multiprovider, singleton

from rxkernel import (
    Application,
    ConfigurationError,
    Connection,
    Inject,
    Request,
    UnauthorizedException,
    connection_scope,
    http,
    request_scope,
    websocket,
)
from rxkernel.pytest_plugin import ClientOf


class Unbound: ...


class Session:
    @inject
    def __init__(self, lacking: Unbound) -> None: ...


class Later:
    @inject
    def __init__(self, lacking: ProviderOf[Unbound]) -> None: ...


class Bare:
    def __init__(self, lacking: Unbound, size: int = 3) -> None: ...


@attrs.define
class BareAttrs:
    lacking: Unbound


class Deep:
    @inject
    def __init__(self, session: Session) -> None: ...


class Odd:
    @inject
    def __init__(self, session: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821


class One:
    @inject
    def __init__(self, two: "Two") -> None: ...


class Two:
    @inject
    def __init__(self, one: One) -> None: ...


class Plain: ...


def made(lacking: Unbound) -> Plain:
    return Plain()


class Listed(Module):
    @multiprovider
    def listed(self, lacking: Unbound) -> list[Plain]:
        return []


def binding(*classes: Any, scope: Any = None, to: Any = None) -> Callable[[Binder], None]:
    def configure(binder: Binder) -> None:
        for cls in classes:
            binder.bind(cls, to=to, scope=scope)

    return configure


async def problems_of(*modules: Any, controllers: tuple[type, ...] = ()) -> str:
    with pytest.raises(ConfigurationError) as caught:
        await Application(modules=modules, controllers=controllers).boot()
    assert len(set(caught.value.problems)) == len(caught.value.problems)
    return str(caught.value)


UNBOUND = "asks for Unbound, which nothing binds; bind it in a module of the application"


@pytest.mark.parametrize("scope", [request_scope, connection_scope, None])
@pytest.mark.parametrize(
    ("classes", "to", "problem"),
    [
        ([Session], None, f"Session {UNBOUND}"),
        ([Later], None, f"Later {UNBOUND}"),
        ([Deep, Session], None, f"Session {UNBOUND}"),
        ([Bare], None, "Bare cannot be built: its constructor takes 'lacking'; put @inject on"),
        ([BareAttrs], None, "BareAttrs cannot be built: its constructor takes 'lacking'; put @in"),
        ([Plain], made, "Plain cannot be built: made takes 'lacking'; put @inject on it"),
        ([Plain], inject(lambda: None), None),
        ([Odd], None, "Odd cannot be built: "),
        (
            [One, Two],
            None,
            "One cannot be built: circular dependency: One -> ",
        ),
    ],
)
async def test_boot_checks_services_built_at_run_time(
    classes: list[Any], to: Any, problem: str | None, scope: Any
) -> None:
    module = binding(*classes, scope=scope, to=to)
    if problem is None:
        async with Application(modules=[module]):
            return

    assert problem in await problems_of(module)


async def test_boot_check_builds_no_service() -> None:
    class Counted:
        def __init__(self) -> None:
            pytest.fail("was built")

    async with Application(modules=[binding(Counted, scope=request_scope)]):
        pass


async def test_boot_checks_each_service_of_multibind() -> None:
    assert UNBOUND in await problems_of(Listed())


class Seat: ...


class AtSeat:
    @inject
    def __init__(self, seat: Seat) -> None: ...


class HasSeat:
    @inject
    def __init__(self, connection: Connection) -> None:
        self.connection = connection


class HasSeatProvider:
    @inject
    def __init__(self, knows: ProviderOf[HasSeat]) -> None: ...


def taking(service: Any, label: Any) -> type:
    class Taking:
        @label  # type: ignore[untyped-decorator]
        async def act(self, service: Any) -> None: ...

    Taking.__dict__["act"].__annotations__["service"] = Annotated[service, Inject()]
    return Taking


def seats(binder: Binder) -> None:
    binder.bind(Seat, scope=connection_scope)
    binder.bind(AtSeat, scope=request_scope)
    binder.bind(HasSeat, scope=request_scope)
    binder.bind(HasSeatProvider, scope=request_scope)


@pytest.mark.parametrize(
    ("service", "way"),
    [
        (Seat, "only with a socket connection; remove @http"),
        (AtSeat, "only with a socket connection (AtSeat -> Seat)"),
        (HasSeat, "only with a socket connection (HasSeat -> Connection)"),
        (Connection, "asks for Connection, which exists"),
    ],
)
async def test_http_action_with_connection_service_raises_error(service: Any, way: str) -> None:
    assert way in await problems_of(seats, controllers=(taking(service, http("GET", "/", "act")),))
    async with Application(modules=[seats], controllers=[taking(service, websocket("act"))]):
        pass


async def test_http_action_with_provider_of_connection_service_boots() -> None:
    controller = taking(HasSeatProvider, http("GET", "/", "act"))
    async with Application(modules=[seats], controllers=[controller]):
        pass


class AskedOnce:
    @inject
    def __init__(self, request: Request) -> None: ...


class Work: ...


class Captive:
    @inject
    def __init__(self, work: Work) -> None: ...


async def test_connection_service_with_request_service_raises_error() -> None:
    message = await problems_of(
        binding(AskedOnce, Captive, scope=connection_scope), binding(Work, scope=request_scope)
    )

    assert "AskedOnce -> Request; inject injector.ProviderOf[Request] and call get()" in message
    assert "Captive -> Work; inject injector.ProviderOf[Work]" in message


@pytest.mark.parametrize("service", [AskedOnce, HasSeat])
async def test_singleton_with_request_dependency_raises_error_with_fix(service: type) -> None:
    message = await problems_of(binding(service, scope=singleton))

    assert f"{service.__name__} cannot be built: " in message
    assert "; inject injector.ProviderOf[" in message


class CurrentUser:
    @inject
    def __init__(self, request: Request) -> None:
        if (name := request.headers.get("X-User")) is None:
            raise UnauthorizedException("log in")
        self.name = name


class Unscoped:
    @inject
    def __init__(self, request: ProviderOf[Request]) -> None:
        self.request = request


class Users:
    @inject
    def __init__(self, unscoped: Unscoped) -> None:
        self.unscoped = unscoped

    @http("GET", "/me", "me")
    @websocket("me")
    async def me(self, user: Annotated[CurrentUser, Inject()]) -> str:
        return user.name

    @http("GET", "/path", "path")
    def path(self) -> str:
        return self.unscoped.request.get().path or ""

    @websocket("seat")
    async def seat(self, knows: Annotated[HasSeat, Inject()]) -> str:
        return knows.connection.id


async def test_scoped_services_get_request_and_connection(client_of: ClientOf) -> None:
    client = client_of(
        Users,
        modules=[
            binding(CurrentUser, scope=request_scope),
            binding(HasSeat, scope=connection_scope),
            binding(Unscoped),
        ],
    )

    assert (await client.http("me", headers={"X-User": "ada"})).content == "ada"
    assert (await client.http("me")).status_code == 401
    assert (await client.http("path")).content == "/path"
    async with client.connection(headers={"X-User": "eve"}) as connection:
        assert (await client.websocket("seat", connection=connection)).content == connection.id
        assert (await client.websocket("me", connection=connection)).content == "eve"
