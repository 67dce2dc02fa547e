"""A client over a real socket, and the same client in a `KernelClient`.

Both have the event ``nothing``, which a controller of each test defines.
"""

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Protocol

from rxkernel import (
    Application,
    ConnectionRefusedException,
    KernelClient,
    RecordingConnection,
    WebSocketMetadata,
)
from rxkernel.servers.socketio.payload import acknowledgement
from tests.servers.socketio_clients import RawSocket, raw_socket

Received = list[tuple[str, list[Any]]]

SIDES = ("in process", "over sockets")


class RefusedError(Exception):
    """The client was rejected; *body* is the error body."""

    def __init__(self, body: Any) -> None:
        super().__init__(body)
        self.body = body


class Client(Protocol):
    """A connected client, over a socket or in process."""

    id: str

    async def send(self, event: str, body: Any = None) -> None:
        """Send an event without asking for an acknowledgement."""

    async def ask(self, event: str, body: Any = None, params: dict[str, Any] | None = None) -> Any:
        """Send an event and return its acknowledgement."""

    async def received(self) -> Received:
        """Return all events received so far."""

    async def leave(self) -> None:
        """Disconnect, as a client does."""


class Side(Protocol):
    """Connects clients over a socket, or in process."""

    application: Application
    is_in_process: bool

    async def connect(
        self,
        auth: Any = None,
        namespace: str = "/",
        *,
        headers: Mapping[str, str] | None = None,
        acknowledgements: Mapping[str, Any] | None = None,
    ) -> Client:
        """A connected client. It acknowledges each event in *acknowledgements* with its value.

        Raises:
            RefusedError: it was rejected.
        """


class RecordedClient:
    def __init__(self, client: KernelClient, connection: RecordingConnection) -> None:
        self._client = client
        self._connection = connection
        self.id = connection.id

    async def send(self, event: str, body: Any = None) -> None:
        await self.ask(event, body)

    async def ask(self, event: str, body: Any = None, params: dict[str, Any] | None = None) -> Any:
        namespace = self._connection.route_namespace
        key = WebSocketMetadata(self, event, namespace).key
        response = await self._client.websocket(
            key, params=params, body=body, connection=self._connection
        )
        return acknowledgement(response)

    async def received(self) -> Received:
        return [(event, list(args)) for event, args in self._connection.emitted]

    async def leave(self) -> None:
        await self._connection.close()


class InProcess:
    is_in_process = True

    def __init__(self, application: Application) -> None:
        self.application = application
        self.client = KernelClient(application)

    async def connect(
        self,
        auth: Any = None,
        namespace: str = "/",
        *,
        headers: Mapping[str, str] | None = None,
        acknowledgements: Mapping[str, Any] | None = None,
    ) -> Client:
        connection = self.client.connection(namespace, auth=auth, headers=headers)
        connection.acknowledgements.update(acknowledgements or {})
        try:
            await connection.connect()
        except ConnectionRefusedException as exc:
            body = exc.response.content
            is_unshaped = body == {"message": "Invalid namespace"}
            raise RefusedError(body if is_unshaped else acknowledgement(exc.response)) from exc
        return RecordedClient(self.client, connection)


_EVENT = re.compile(r"4(?:2|5\d+-)(/[^,]*,)?(\d*)(\[.*\])")


class SocketClient:
    def __init__(
        self, raw: RawSocket, id: str, namespace: str, acknowledgements: Mapping[str, Any]
    ) -> None:
        self.id = id
        self._raw = raw
        self._head = "" if namespace == "/" else f"{namespace},"
        self._acknowledgements = acknowledgements
        self._received: Received = []
        self._last = 0

    async def send(self, event: str, body: Any = None) -> None:
        await self._raw.send(f"42{self._head}" + json.dumps([event, body]))

    async def ask(self, event: str, body: Any = None, params: dict[str, Any] | None = None) -> Any:
        sent = body if params is None else {"params": params, "body": body}
        self._last += 1
        await self._raw.send(f"42{self._head}{self._last}" + json.dumps([event, sent]))
        while True:
            frame = str(await self._raw.receive())
            if frame.startswith(head := f"43{self._head}{self._last}["):
                return json.loads(frame[len(head) - 1 :])[0]
            await self._receive(frame)

    async def _receive(self, frame: str) -> None:
        event = _EVENT.fullmatch(frame)
        assert event is not None, frame
        name, *args = json.loads(event[3])
        self._received.append((name, args))
        if event[2]:
            value = json.dumps([self._acknowledgements[name]])
            await self._raw.send(f"43{self._head}{event[2]}{value}")

    async def received(self) -> Received:
        await self.ask("nothing")  # everything that was sent before is received by then
        return self._received

    async def leave(self) -> None:
        await self._raw.send(f"41{self._head}")


class OverSockets:
    is_in_process = False

    def __init__(self, application: Application, stack: AsyncExitStack) -> None:
        self.application = application
        self._stack = stack

    async def connect(
        self,
        auth: Any = None,
        namespace: str = "/",
        *,
        headers: Mapping[str, str] | None = None,
        acknowledgements: Mapping[str, Any] | None = None,
    ) -> Client:
        connecting = raw_socket(self.application, connect="", headers=headers)
        raw = await self._stack.enter_async_context(connecting)
        head = "" if namespace == "/" else f"{namespace},"
        await raw.send(f"40{head}" + ("" if auth is None else json.dumps(auth)))
        frame = str(await raw.receive())
        if frame.startswith("44"):
            error = json.loads(frame[2:].removeprefix(head))
            raise RefusedError(error.get("data", {"message": error["message"]}))
        assert frame.startswith("40"), frame
        id = json.loads(frame[2:].removeprefix(head))["sid"]
        return SocketClient(raw, id, namespace, acknowledgements or {})


@asynccontextmanager
async def side_of(kind: str, application: Application) -> AsyncIterator[Side]:
    """Boot or start *application*; *kind* is one of `SIDES`."""
    async with AsyncExitStack() as stack:
        if kind == "in process":
            await application.boot()
            yield InProcess(application)
        else:
            await application.start()
            yield OverSockets(application, stack)
        await application.stop()
