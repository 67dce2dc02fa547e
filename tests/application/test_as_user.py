"""`KernelClient.as_user`, and what authentication uses: `Request.user`, `Connection.token`."""

from typing import Any

import attrs
import pytest
from injector import Binder

from rxkernel import (
    Application,
    Bundle,
    Connection,
    ConnectionEvent,
    DefinitionEvent,
    KernelEvents,
    Request,
    RxKernelError,
    ServerEvents,
    Transport,
    UserTokens,
    both,
    observe,
    procedure,
)
from rxkernel.pytest_plugin import ClientOf


@attrs.frozen
class Badge:
    user: str


class Badges(UserTokens):
    async def load(self, identifier: str) -> str | None:
        return identifier if identifier == "ada" else None

    def token_for(self, user: Any) -> Badge:
        return Badge(user)


class BadgeBundle(Bundle):
    name = "badges"
    transports = (Transport("LINES"),)

    def configure(self, binder: Binder) -> None:
        binder.bind(UserTokens, to=Badges())  # type: ignore[type-abstract]


class Who:
    def __init__(self) -> None:
        self.connected: list[Any] = []

    @both("GET", "/who", "who")
    async def who(self, request: Request) -> Any:
        return request.user

    @both("GET", "/socket", "socket")
    async def socket(self, request: Request) -> Any:
        connection: Connection | None = request.connection
        return None if connection is None else connection.user

    @procedure("who", "LINES")
    async def line(self, request: Request) -> Any:
        return request.user

    @observe(ServerEvents.CONNECTED)
    async def connect(self, event: ConnectionEvent) -> None:
        self.connected.append(event.connection.user)


async def test_as_user_sets_token_of_requests_procedures_and_connections(
    client_of: ClientOf,
) -> None:
    client = client_of(Application(bundles=[BadgeBundle], controllers=[Who]))
    ada = client.as_user("ada")

    assert (await ada.http("who")).content == "ada"
    assert (await ada.call("LINES", "who")).content == "ada"
    assert (await ada.websocket("socket")).content == "ada"
    assert (await client.http("who")).content is None
    assert (await client.websocket("socket")).content is None
    assert client.application.injector.get(Who).connected == ["ada", None]


async def test_as_user_keeps_headers_and_has_own_cookies(client_of: ClientOf) -> None:
    client = client_of(Application(bundles=[BadgeBundle], controllers=[Who]))
    client.headers["Accept-Language"] = "bg"
    client.cookies["sid"] = "x"
    ada = client.as_user("ada")
    assert ada.headers == client.headers
    assert "sid" not in ada.cookies


async def test_load_user_returns_the_user_of_the_application(client_of: ClientOf) -> None:
    client = client_of(Application(bundles=[BadgeBundle], controllers=[Who]))

    assert await client.load_user("ada") == "ada"
    with pytest.raises(KeyError, match="the application has no user 'bob'"):
        await client.load_user("bob")


async def test_load_user_without_bundle_that_authenticates_is_error(client_of: ClientOf) -> None:
    with pytest.raises(RxKernelError, match="enable it, or bind UserTokens"):
        await client_of().load_user("ada")


async def test_as_user_with_none_is_error(client_of: ClientOf) -> None:
    """A test whose user was not found must not run as an anonymous client."""
    client = client_of(Application(bundles=[BadgeBundle], controllers=[Who]))
    with pytest.raises(TypeError, match=r"as_user\(None\): the user is missing"):
        client.as_user(None)


async def test_as_user_without_bundle_that_authenticates_is_error(client_of: ClientOf) -> None:
    class Silent(BadgeBundle):
        def configure(self, binder: Binder) -> None: ...

    client = client_of(Application(bundles=[Silent], controllers=[Who]))
    with pytest.raises(RxKernelError, match="needs a bundle that authenticates messages"):
        await client.as_user("ada").websocket("who")


async def test_option_set_at_compile_time_is_passed_to_only(client_of: ClientOf) -> None:
    class Marks:
        @observe(KernelEvents.KERNEL_DEFINITION)
        async def mark(self, event: DefinitionEvent) -> None:
            event.set_option("marked", event.definition.name == "who")

        @observe(KernelEvents.KERNEL_HEAD, only=lambda d: bool(d.options["marked"]))
        async def set_token(self, event: Any) -> None:
            event.request.token = Badge("marked")

    bundles = [BadgeBundle]
    client = client_of(Application(bundles=bundles, controllers=[Who], listeners=[Marks]))
    assert (await client.http("who")).content == "marked"
    definition = client.application.kernel.http_definitions["socket"]
    assert definition.options["marked"] is False
    assert definition.metadata.options == {}
