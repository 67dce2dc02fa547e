"""The middlewares of services: checks 32 and 33 of IOServer."""

import asyncio
from typing import Any

import pytest
from injector import inject

from bundles.realtime import (
    AppHandle,
    IOServerError,
    Manager,
    Middleware,
    RealtimeBundle,
    RealtimeSettings,
    Service,
    event,
)
from rxkernel import (
    Application,
    ConfigurationError,
    Connection,
    ConnectionRefusedException,
    KernelClient,
    Request,
    Response,
    Settings,
)
from tests.bundles.realtime.conftest import Serve
from tests.servers.socketio_clients import raw_socket


class Users(Manager):
    names = ("ada", "bob")


class First(Middleware):
    async def connect(self, connection: Connection) -> None:
        connection.attributes["order"] = ["first"]


class Login(Middleware):
    @inject
    def __init__(self, users: Users) -> None:
        self.users = users

    async def connect(self, connection: Connection) -> None:
        connection.attributes["order"].append("login")
        match (connection.auth or {}).get("name"):
            case "crash":
                raise RuntimeError("the password is secret")
            case "endless":
                await asyncio.Event().wait()
            case "slow":
                raise TimeoutError("of the database")
            case name if name not in self.users.names:
                raise IOServerError("not you", 403, data={"known": list(self.users.names)})
            case name:
                connection.token = name


class Closed(Middleware):
    async def event(self, request: Request) -> Response | None:
        request.attributes["seen"] = request.url
        if request.body == "return":
            return Response({"status": "closed"}, 503)
        if request.body == "raise":
            raise IOServerError("closed", 503)
        return None


class Private(Service, namespace="/private", middlewares=[First, Login, Closed]):
    ran = 0

    @event
    async def who(self, request: Request, connection: Connection) -> list[Any]:
        self.ran += 1
        return [request.token, request.attributes["seen"], connection.attributes["order"]]


def application(*services: type[Service], timeout: float = 30.0) -> Application:
    return Application(
        bundles=[RealtimeBundle(services=services or (Private,), managers=[Users])],
        settings=Settings(bundles={"realtime": RealtimeSettings(connect_timeout=timeout)}),
    )


async def refused(client: KernelClient, name: str) -> Response:
    with pytest.raises(ConnectionRefusedException) as caught:
        await client.connection("/private", auth={"name": name}).connect()
    return caught.value.response


# check 32
async def test_middlewares_run_in_order_and_pass_attributes_to_the_action() -> None:
    async with (
        KernelClient(application()) as client,
        client.connection("/private", auth={"name": "ada"}) as ada,
    ):
        response = await client.websocket("/private:who", connection=ada)
    assert response.content == ["ada", "who", ["first", "login"]]


# check 32
async def test_error_of_a_middleware_refuses_the_client_with_data(serve: Serve) -> None:
    async with KernelClient(application()) as client:
        response = await refused(client, "eve")
    assert response.content == {
        "status": "error",
        "type": "IOServerError",
        "message": "not you",
        "statusCode": 403,
        "data": {"known": ["ada", "bob"]},
    }
    app = await serve(services=[Private], managers=[Users])
    async with raw_socket(app, connect="") as raw:
        await raw.send("40/private,{}")
        expected = '44/private,{"message":"not you","data":{"known":["ada","bob"]}}'
        assert await raw.receive() == expected


# check 33
async def test_middleware_that_raises_refuses_the_client(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with KernelClient(application()) as client:
        response = await refused(client, "crash")
        assert response.status_code == 500
        assert "secret" not in str(response.content)
        assert "secret" in caplog.text
        assert (await refused(client, "slow")).status_code == 500
        async with client.connection("/private", auth={"name": "bob"}) as bob:
            assert (await client.websocket("/private:who", connection=bob)).status_code == 200


# check 33
async def test_middleware_that_never_ends_refuses_the_client(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with KernelClient(application(timeout=0.05)) as client:
        response = await refused(client, "endless")
    assert (response.status_code, response.content["message"]) == (
        503,
        "the connection was not accepted in time",
    )
    assert "Login.connect has not accepted a connection to /private" in caplog.text


@pytest.mark.parametrize(
    ("body", "content"),
    [
        ("return", {"status": "closed"}),
        (
            "raise",
            {
                "status": "error",
                "type": "IOServerError",
                "message": "closed",
                "statusCode": 503,
            },
        ),
    ],
)
async def test_middleware_that_ends_the_chain_sends_its_response(body: str, content: Any) -> None:
    app = application()
    async with (
        KernelClient(app) as client,
        client.connection("/private", auth={"name": "ada"}) as ada,
    ):
        response = await client.websocket("/private:who", body=body, connection=ada)
        assert (response.status_code, response.content) == (503, content)
        unknown = await client.websocket("/private:nothing", body=body, connection=ada)
        assert unknown.content == content
        assert app.injector.get(Private).ran == 0


async def test_middleware_that_cannot_be_built_is_a_problem_of_boot() -> None:
    class Unbound(Middleware):
        @inject
        def __init__(self, missing: asyncio.Event) -> None: ...

    class Broken(Service, namespace="/broken", middlewares=[Unbound, Users]):  # type: ignore[list-item]
        @event
        async def one(self) -> None: ...

    with pytest.raises(ConfigurationError) as caught:
        await application(Broken).boot()
    texts = "\n".join(caught.value.problems)
    assert "Unbound of " in texts
    assert "it must be a subclass of Middleware" in texts


@pytest.mark.parametrize(
    ("method", "problem"),
    [
        ("http", "is never called by this component; override connect or event"),
        ("on_connect", "is never called by this component; override connect or event"),
        ("event", "has the method event, which is not async; write async def"),
    ],
)
async def test_middleware_without_an_effect_is_a_problem_of_boot(
    method: str, problem: str
) -> None:
    wrong: Any = type("Wrong", (Middleware,), {method: lambda self, _: None})
    wrong.__qualname__ = "Wrong"

    class Open(Service, namespace="/open", middlewares=[wrong]):
        @event
        async def one(self) -> None: ...

    with pytest.raises(ConfigurationError, match=f"the middleware Wrong of .*Open {problem}"):
        await application(Open).boot()


async def test_middleware_of_a_service_with_a_plain_http_is_a_problem_of_boot() -> None:
    """The events of the service would not call it; only its action over HTTP would."""

    class Wrong(Middleware):
        def http(self, request: Request) -> Any:
            return None

        async def event(self, request: Request) -> None: ...

    class Open(Service, namespace="/open", middlewares=[Wrong]):
        @event
        async def one(self) -> None: ...

    with pytest.raises(ConfigurationError, match="has the method http, which is not async"):
        await application(Open).boot()


async def test_middleware_that_returns_something_else_is_an_error_of_the_server(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Wrong(Middleware):
        async def connect(self, connection: Connection) -> Any:
            return Response(None, 401) if connection.auth else None

        async def event(self, request: Request) -> Any:
            return {"status": 401}

    class Open(Service, namespace="/open", middlewares=[Wrong]):
        @event
        async def one(self) -> None:
            pytest.fail("the middleware has not continued")

    async with KernelClient(application(Open)) as client:
        assert (await client.websocket("/open:one")).status_code == 500
        with pytest.raises(ConnectionRefusedException) as caught:
            await client.connection("/open", auth={"a": 1}).connect()
    assert caught.value.response.status_code == 500
    assert "return a Response, or None to continue" in caplog.text
    assert "raise an exception to refuse a client" in caplog.text


async def test_middleware_instance_of_a_base_class_runs_in_the_subclass() -> None:
    class Tagged(Middleware):
        def __init__(self, tag: str) -> None:
            self.tag = tag

        async def event(self, request: Request) -> None:
            request.attributes["tag"] = self.tag

    class Base(Service, namespace="/base", middlewares=[Tagged("base")]):
        @event
        async def tag(self, request: Request) -> Any:
            return request.attributes["tag"]

    class Derived(Base, namespace="/derived"):
        pass

    async with KernelClient(application(Base, Derived)) as client:
        assert (await client.websocket("/derived:tag")).content == "base"


async def test_hooks_run_after_the_client_is_accepted_and_when_it_disconnects() -> None:
    class Presence(Service, namespace="/presence"):
        @inject
        def __init__(self, app_handle: AppHandle) -> None:
            super().__init__(app_handle)
            self.lines: list[Any] = []

        async def connect(self, connection: Connection) -> None:
            await connection.emit("welcome", connection.id)
            await connection.join("all")

        async def disconnecting(self, connection: Connection, reason: Any) -> None:
            self.lines.append(("disconnecting", str(reason), connection.rooms))

        async def disconnect(self, connection: Connection, reason: Any) -> None:
            self.lines.append(("disconnect", str(reason), connection.rooms))

    app = application(Presence)
    async with KernelClient(app) as client:
        async with client.connection("/presence") as ada:
            assert ada.emitted == [("welcome", (ada.id,))]
        lines = app.injector.get(Presence).lines
    reason, rooms = lines[0][1], frozenset({"all"})
    assert lines == [("disconnecting", reason, rooms), ("disconnect", reason, rooms)]
