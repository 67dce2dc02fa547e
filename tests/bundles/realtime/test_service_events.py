"""The events of services: checks 24 to 29 of IOServer."""

from typing import Annotated, Any

import attrs
import pytest

from bundles.realtime import Data, RealtimeBundle, Service, event
from rxkernel import (
    Application,
    Body,
    ConfigurationError,
    Connection,
    KernelClient,
    KernelEvents,
    Request,
    Response,
    ResponseEvent,
    observe,
    websocket,
)


@attrs.frozen
class Message:
    text: str
    tags: list[str] = attrs.Factory(list)


class Chat(Service, namespace="/chat"):
    @event
    async def echo(self, data: Data = None) -> Any:
        return data

    @event
    async def shout(self, connection: Connection, data: Data = None) -> None:
        await connection.emit("echo_response", data)

    @event("join room")
    async def join(self, room: str, connection: Connection) -> Response:
        await connection.join(room)
        return Response({"status": "success", "room": room}, 201)

    @event
    async def say(self, message: Message) -> str:
        return message.text

    @event
    def length(self, data: Annotated[str, Body()]) -> int:
        return len(data)

    async def helper(self) -> str:
        return "not for clients"

    async def _hidden(self) -> str:
        return "not for clients"


def chat(*services: type[Service], **parts: Any) -> KernelClient:
    bundle = RealtimeBundle(services=services or (Chat,))
    return KernelClient(Application(bundles=[bundle], **parts))


VALUES: list[Any] = [{"x": 1}, {}, {"params": {}}, {"body": 1}, [1], "text", b"\x00\xff", 0, None]


# check 24
@pytest.mark.parametrize("value", VALUES, ids=repr)
async def test_event_that_returns_its_data_acknowledges_it(value: Any) -> None:
    async with chat() as client:
        assert (await client.websocket("/chat:echo", body=value)).content == value


# check 25
async def test_event_that_emits_reaches_its_client() -> None:
    async with chat() as client, client.connection("/chat") as ada:
        await client.websocket("/chat:shout", body="hello", connection=ada)
        assert ada.emitted == [("echo_response", ("hello",))]


# check 26, check 27
@pytest.mark.parametrize(
    "name",
    [
        *("_hidden", "helper", "constructor", "__init__", "connect", "disconnect"),
        *("unknown_event", "app_handle", "*", ""),
    ],
)
async def test_name_that_is_not_an_event_is_unknown_event(name: str) -> None:
    async with chat() as client:
        response = await client.websocket(f"/chat:{name}", body={"x": 1})
    assert response.content == {
        "status": "error",
        "type": "IOServerError",
        "message": f"unknown event {name!r}",
        "statusCode": 404,
    }


# check 28
async def test_returned_value_is_acknowledged() -> None:
    async with chat() as client, client.connection("/chat") as ada:
        joined = await client.websocket("/chat:join room", body={"room": "tea"}, connection=ada)
        assert (joined.status_code, joined.content) == (
            201,
            {"status": "success", "room": "tea"},
        )
        assert ada.rooms == {"tea"}
        said = await client.websocket("/chat:say", body={"text": "hi", "tags": ["a"]})
        assert said.content == "hi"
        assert (await client.websocket("/chat:length", body="four")).content == 4


# check 29
async def test_event_without_data_receives_none() -> None:
    async with chat() as client:
        response = await client.websocket("/chat:echo")
    assert (response.status_code, response.content) == (200, None)


async def test_invalid_fields_are_an_error_with_their_paths() -> None:
    async with chat() as client:
        missing = await client.websocket("/chat:join room", body={"rom": "tea"})
        wrong = await client.websocket("/chat:say", body={"text": 1})
    assert missing.content["statusCode"] == wrong.content["statusCode"] == 422
    assert [one["path"] for one in missing.content["errors"]] == ["params.room"]
    assert [one["path"] for one in wrong.content["errors"]] == ["body.text"]


async def test_every_event_passes_the_listeners_of_the_kernel() -> None:
    seen: list[str] = []

    @observe(KernelEvents.KERNEL_RESPONSE)
    async def count(event: ResponseEvent) -> None:
        seen.append(f"{event.request.url} {event.response.status_code}")

    async with chat(listeners=[count]) as client:
        await client.websocket("/chat:echo", body=1)
        await client.websocket("/chat:nothing")
    assert seen == ["echo 200", "nothing 404"]


async def test_service_overrides_unknown_event() -> None:
    class Every(Service, namespace="/any"):
        async def unknown_event(self, request: Request) -> Any:
            return [request.url, request.body]

    async with chat(Every) as client:
        assert (await client.websocket("/any:x", body=1)).content == ["x", 1]


async def test_service_inherits_events_into_its_own_namespace() -> None:
    class News(Chat, namespace="/news"):
        @event
        async def echo(self, data: Data = None) -> Any:
            return ["news", data]

    async with chat(Chat, News) as client:
        assert (await client.websocket("/news:echo", body=1)).content == ["news", 1]
        assert (await client.websocket("/chat:echo", body=1)).content == 1
        assert (await client.websocket("/news:say", body={"text": "hi"})).content == "hi"


async def test_service_with_attrs_keeps_its_namespace() -> None:
    @attrs.define(eq=False, init=False, slots=False)
    class Noted(Service, namespace="/noted"):
        @event
        async def note(self) -> str:
            return "noted"

    async with chat(Noted) as client:
        assert (await client.websocket("/noted:note")).content == "noted"


async def test_services_of_one_namespace_are_an_error() -> None:
    class Other(Service, namespace="/chat"):
        @event
        async def other(self) -> None: ...

    with pytest.raises(ConfigurationError) as caught:
        await chat(Chat, Other).application.boot()

    assert caught.value.problems == (
        "the services Chat and test_services_of_one_namespace_are_an_error.<locals>.Other are "
        "both in the namespace '/chat', which can have only one service; set another namespace: "
        "class Other(Service, namespace=…), or put their events into one class",
    )


async def test_event_outside_of_a_service_is_an_error() -> None:
    class Controller:
        @event
        async def lost(self) -> None: ...

    with pytest.raises(ConfigurationError, match=r"lost has @event, but is not a method"):
        await chat(controllers=[Controller]).application.boot()


async def test_service_without_the_bundle_is_an_error() -> None:
    class Alone(Service):
        def __init__(self) -> None: ...

        @event
        async def one(self) -> None: ...

    with pytest.raises(ConfigurationError, match="without the bundle realtime"):
        await Application(controllers=[Alone]).boot()


def test_event_private_name_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="begins with an underscore"):

        @event
        async def _private() -> None: ...


async def test_event_of_a_controller_in_the_namespace_keeps_the_envelope() -> None:
    class Controller:
        @websocket("plain", namespace="/chat")
        async def plain(self, number: int) -> int:
            return number

    async with chat(controllers=[Controller]) as client:
        assert (await client.websocket("/chat:plain", params={"number": 1})).content == 1
        wrong = await client.websocket("/chat:plain", params={"number": "x"})
    assert "status" not in wrong.content


def test_service_whose_connection_hooks_cannot_be_called_is_an_error() -> None:
    def connect(self: Any, connection: Any) -> None: ...

    async def disconnect(self: Any, connection: Any) -> None: ...

    with pytest.raises(ConfigurationError) as raised:
        type("Chat", (Service,), {"connect": connect, "disconnect": disconnect})

    assert raised.value.problems == (
        "connect of the service Chat: it is not async; write async def connect(self, connection)",
        "disconnect of the service Chat: its parameters are wrong; write async def "
        "disconnect(self, connection, reason)",
    )
