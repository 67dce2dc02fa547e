"""Applications with a gateway: in process, and on a free port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bundles.gateway import (
    CurrentContext,
    Gateway,
    GatewayBundle,
    GatewaySettings,
    Retries,
    action,
)
from rxkernel import Application, Connection, HttpSettings, KernelClient, Settings
from rxkernel.application.overrides import Overrides
from tests.bundles.gateway.pauses import Pauses


class Math:
    """The actions for most tests, one for each visibility."""

    @action("math.add", visibility="published")
    async def add(self, a: float, b: float) -> float:
        return a + b

    @action("math.adv.pow", visibility="published")
    async def pow(self, a: float, b: float) -> float:
        return float(a**b)

    @action("math.open")
    async def open(self) -> str:
        return "public"

    @action("math.inner", visibility="protected")
    async def inner(self) -> str:
        return "protected"

    @action("math.secret", visibility="private")
    async def secret(self) -> str:
        return "private"


class Greeter:
    @action("greeter.hello", visibility="published")
    async def hello(self) -> str:
        return "Hello"

    @action("greeter.echo", visibility="published")
    async def echo(self, ctx: CurrentContext) -> Any:
        return ctx.params

    @action("greeter.meta", visibility="published")
    async def meta(self, ctx: CurrentContext) -> dict[str, Any]:
        return dict(ctx.meta)

    @action("greeter.nothing", visibility="published")
    async def nothing(self) -> None: ...


class Client:
    """A client of a gateway, in process."""

    def __init__(self, kernel_client: KernelClient, connection: Connection | None = None) -> None:
        self.kernel_client = kernel_client
        self.connection = connection

    async def emit(self, event: str, *args: Any) -> list[Any]:
        """Send *event* and return the values of its acknowledgement."""
        response = await self.kernel_client.websocket(
            event, body=list(args), connection=self.connection
        )
        content: list[Any] = response.content
        return content

    async def call(self, *args: Any) -> Any:
        """Return the result of a call that must succeed."""
        error, result = await self.emit("call", *args)
        assert error is None
        return result

    async def error(self, *args: Any) -> dict[str, Any]:
        """Return the error of a call that must fail."""
        error: dict[str, Any]
        (error,) = await self.emit("call", *args)
        return error

    async def code(self, *args: Any) -> int | None:
        """Return the code of the error of a call; None if the call succeeded."""
        content = await self.emit("call", *args)
        return None if content[0] is None else content[0]["code"]

    @asynccontextmanager
    async def connected(self, namespace: str = "/", **handshake: Any) -> AsyncIterator["Client"]:
        """Return a client with its own connection."""
        async with self.kernel_client.connection(namespace, **handshake) as connection:
            yield Client(self.kernel_client, connection)


def application_of(
    *controllers: Any,
    gateway: type[Gateway] = Gateway,
    debug: bool = False,
    http: HttpSettings | None = None,
    listeners: tuple[Any, ...] = (),
    modules: tuple[Any, ...] = (),
    bundles: tuple[Any, ...] = (),
    **settings: Any,
) -> Application:
    return Application(
        bundles=[GatewayBundle(gateway), *bundles],
        controllers=controllers or (Math, Greeter),
        listeners=listeners,
        modules=modules,
        settings=Settings(
            debug=debug,
            request_id_header=None,
            http=http or HttpSettings(port=0),
            bundles={"gateway": GatewaySettings(node_id="node-1", **settings)},
        ),
    )


@asynccontextmanager
async def in_process(*controllers: Any, **parts: Any) -> AsyncIterator[Client]:
    """A client that calls the events of an application; retries do not wait."""
    overrides: Overrides = {Retries: Pauses()}
    application = application_of(*controllers, **parts)
    async with KernelClient(application, overrides=overrides) as kernel_client:
        yield Client(kernel_client)


@asynccontextmanager
async def listening(*controllers: Any, **parts: Any) -> AsyncIterator[Application]:
    """An application on a free port; responses have no request id."""
    application = application_of(*controllers, **parts)
    await application.start()
    try:
        yield application
    finally:
        await application.stop()


def gateway(**events: Any) -> type[Gateway]:
    """A gateway with *events* in ``/``."""
    return type("Io", (Gateway,), {"namespaces": {"/": {"events": events}}})
