"""Nodes of the npm package `moleculer`, each in a process of Node; see peer/node.mjs."""

import asyncio
import hashlib
import json
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

import attrs

from tests.required_tools import require_moleculer
from tests.waiting import until

NodeVersion = Literal["0.14", "0.15"]
NODE_VERSIONS: tuple[NodeVersion, ...] = ("0.14", "0.15")

SERVICES = (
    *("ctx", "errors", "listener", "mailer", "math", "meta", "nested", "slow", "streams"),
    *("values", "watcher"),
)
"""The services in peer/services.mjs."""

_SCRIPT = Path(__file__).parent / "peer" / "node.mjs"
_PATIENCE = 20.0
_LEAVE = 5.0
"""The time for a graceful stop, in seconds."""


class PeerCallError(Exception):
    """The error with which a call in Node was rejected.

    Attributes:
        fields: ``name``, ``message``, ``code``, ``type``, ``data``, ``nodeID``, ``retryable``,
            ``stack``, and ``classes``, the names of the class of the error and of its bases; a
            field that is ``undefined`` has no key.
        meta: the meta of the caller after the call; None if no node was chosen.
    """

    def __init__(self, fields: dict[str, Any], meta: dict[str, Any] | None) -> None:
        super().__init__(f"{fields.get('name')}: {fields.get('message')}")
        self.fields = fields
        self.meta = meta

    def summary(self) -> dict[str, Any]:
        """The fields without ``stack`` and ``classes``."""
        return {
            name: value for name, value in self.fields.items() if name not in ("stack", "classes")
        }


@attrs.frozen
class Answer:
    """
    Attributes:
        result: None also for ``undefined``.
        meta: the meta of the caller after the call, with the keys that the action set.
    """

    result: Any
    meta: dict[str, Any]


@attrs.frozen
class StreamSource:
    """A stream that a peer sends: byte number i is ``i % 251``.

    Attributes:
        size: in bytes, or in objects.
        chunk: the number of bytes that the source returns at once.
        fails_after: the number of bytes after which it fails with ``the source is gone``.
        objects: whether it sends ``{"number": i}`` instead of bytes.
    """

    size: int
    chunk: int = 65536
    fails_after: int | None = None
    objects: bool = False


@attrs.frozen
class StreamRead:
    """The result of reading a stream in a peer.

    Attributes:
        sha256: the hash of the bytes, in hex.
        chunks: how many times the stream returned a value.
        error: the fields of the error that ended it.
    """

    length: int
    sha256: str
    chunks: int
    error: dict[str, Any] | None
    objects: list[Any] | None = None


def stream_bytes(size: int) -> bytes:
    """The bytes of a `StreamSource` of this size."""
    return bytes(i % 251 for i in range(251)) * (size // 251) + bytes(range(size % 251))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class NodePeer:
    """One process, one broker. A thread reads what it prints, so event loops of several tests can
    use it one after the other.

    Attributes:
        received: the events that the services `listener`, `mailer` and `watcher` received, and
            what some actions note. Keys: ``handler``, ``name``, ``payload``; events have ``type``,
            ``groups``, ``meta``, ``nodeID`` (the sender), ``caller``, ``level``, ``requestID``,
            ``parentID`` and ``id`` too.
        log: the entries of the broker's log from ``logLevel`` on (``warn`` if the options do not
            set it): ``level``, ``module``, ``text``.
    """

    def __init__(
        self,
        node_id: str,
        version: NodeVersion,
        transporter: str,
        *,
        services: Sequence[str] = SERVICES,
        **options: Any,
    ) -> None:
        """Start the process.

        Args:
            transporter: the URL of a server of NATS or Redis.
            services: names out of `SERVICES`.
            options: the options of ``new ServiceBroker({…})``, such as ``heartbeatInterval=1``,
                ``namespace="shop"`` or ``transit={"disableVersionCheck": True}``.
        """
        self.node_id = node_id
        self.version = version
        self.received: list[dict[str, Any]] = []
        self.log: list[dict[str, Any]] = []
        configuration = {
            "version": version,
            "transporter": _transporter(transporter),
            "nodeID": node_id,
            "options": options,
            "services": services,
        }
        self._process = subprocess.Popen(
            [require_moleculer(), _SCRIPT, json.dumps(configuration)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._ready = Future[None]()
        self._replies: dict[int, Future[dict[str, Any]]] = {}
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def wait_until_ready(self) -> None:
        """Return when the broker has started, which takes a second."""
        self._ready.result(_PATIENCE)

    async def ready(self) -> None:
        """Like `wait_until_ready`, without blocking the event loop."""
        await asyncio.wait_for(asyncio.wrap_future(self._ready), _PATIENCE)

    # --- calls ---

    async def answer(
        self,
        action: str,
        params: Any = None,
        *,
        meta: Mapping[str, Any] | None = None,
        stream: StreamSource | None = None,
        **options: Any,
    ) -> Answer:
        """Call *action*, whose result is not a stream.

        Args:
            stream: the stream of the request. In 0.14 it takes the place of *params*.
            options: the options of ``broker.call``, such as ``nodeID``, ``timeout`` (ms) or
                ``retries``.

        Raises:
            PeerCallError: the call was rejected.
        """
        reply = await self._call(action, params, meta, stream, options)
        assert "stream" not in reply, f"the result of {action} is a stream: {reply}"
        return Answer(reply.get("result"), reply["meta"])

    async def call(self, action: str, params: Any = None, **options: Any) -> Any:
        """Like `answer`, without the meta."""
        return (await self.answer(action, params, **options)).result

    async def error(self, action: str, params: Any = None, **options: Any) -> PeerCallError:
        """Return the error of a call that must be rejected."""
        try:
            answer = await self.answer(action, params, **options)
        except PeerCallError as error:
            return error
        raise AssertionError(f"{action} succeeded: {answer}")

    async def read(
        self,
        action: str,
        params: Any = None,
        *,
        meta: Mapping[str, Any] | None = None,
        stream: StreamSource | None = None,
        **options: Any,
    ) -> StreamRead:
        """Call *action*, whose result is a stream, and read it to its end.

        Raises:
            PeerCallError: the call was rejected.
        """
        reply = await self._call(action, params, meta, stream, options)
        assert "stream" in reply, f"the result of {action} is not a stream: {reply}"
        return StreamRead(**reply["stream"])

    # --- events ---

    async def emit(self, event: str, data: Any = None, **options: Any) -> None:
        """Emit *event*. *options* are those of ``broker.emit``: ``groups`` and ``meta``."""
        await self._command("emit", event=event, data=data, options=options)

    async def broadcast(self, event: str, data: Any = None, **options: Any) -> None:
        await self._command("broadcast", event=event, data=data, options=options)

    def received_by(self, handler: str) -> list[dict[str, Any]]:
        """Return the entries of `received` for *handler*."""
        return [event for event in self.received if event["handler"] == handler]

    # --- the registry ---

    async def nodes(self) -> dict[str, dict[str, Any]]:
        """Return the known nodes by id, including unavailable ones (``available`` is false)."""
        nodes = await self.call("$node.list")
        return {node["id"]: node for node in nodes}

    async def actions(self) -> dict[str, list[str]]:
        """Return the ids of the nodes on which each action is available, by its name."""
        return dict((await self._command("actions"))["result"])

    async def wait_for_action(self, action: str, *nodes: str) -> None:
        """Wait until exactly *nodes* have *action*."""
        async with asyncio.timeout(_PATIENCE):
            while sorted((await self.actions()).get(action, [])) != sorted(nodes):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def ping(self, node_id: str, timeout: int = 2000) -> dict[str, Any] | None:
        """Return ``nodeID``, ``elapsedTime`` and ``timeDiff``; None after *timeout* (ms)."""
        pong: dict[str, Any] | None
        pong = (await self._command("ping", nodeID=node_id, timeout=timeout))["result"]
        return pong

    # --- the process ---

    def close(self) -> None:
        """Stop the broker, then the process; does nothing if it does not run. A broker that cannot
        stop because its bus is unavailable is killed."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_LEAVE)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reader.join()

    async def stop(self) -> None:
        """Like `close`, without blocking the event loop."""
        await asyncio.to_thread(self.close)

    def kill(self) -> None:
        """End the process at once, like a crash; does nothing if it does not run."""
        self._process.kill()
        self._reader.join()

    async def ended(self) -> int:
        """Return the exit code of a process that ends by itself."""
        return await asyncio.to_thread(self._process.wait, _PATIENCE)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Pause the process during the block: it keeps its connections and does nothing."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    async def _call(
        self,
        action: str,
        params: Any,
        meta: Mapping[str, Any] | None,
        stream: StreamSource | None,
        options: dict[str, Any],
    ) -> dict[str, Any]:
        reply = await self._command(
            "call",
            action=action,
            params={} if params is None else params,
            options=options if meta is None else {"meta": meta, **options},
            stream=None if stream is None else attrs.asdict(stream),
        )
        if "error" in reply:
            raise PeerCallError(reply["error"], reply.get("meta"))
        return reply

    async def _command(self, command: str, **args: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        number = len(self._replies)
        reply = self._replies[number] = Future()
        reply.set_running_or_notify_cancel()  # so that a test that ends cannot cancel it
        line = json.dumps({"id": number, "command": command, "args": args})
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()
        async with asyncio.timeout(_PATIENCE):
            return await asyncio.wrap_future(reply)

    def _read(self) -> None:
        """Handle the lines of the process until it ends."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        with self._process.stdout, self._process.stderr:
            for line in self._process.stdout:
                self._handle(json.loads(line))
            errors = self._process.stderr.read().decode()
        self._process.wait()
        waits: list[Future[Any]] = [self._ready, *self._replies.values()]
        for waiting in waits:
            if not waiting.done():
                waiting.set_exception(ConnectionError(f"{self.node_id} ended: {errors}"))

    def _handle(self, line: dict[str, Any]) -> None:
        match line:
            case {"received": event}:
                self.received.append(event)
            case {"log": entry}:
                self.log.append(entry)
            case {"id": number, "reply": reply}:
                self._replies[number].set_result(reply)
            case {"id": number, "failed": stack}:
                self._replies[number].set_exception(AssertionError(stack))
            case {"ready": True}:
                self._ready.set_result(None)
            case _:
                raise AssertionError(line)


def start_peers(peers: list[NodePeer], stack: ExitStack) -> None:
    """Wait until all *peers* are ready; *stack* closes them."""
    for one in peers:
        stack.callback(one.close)
    for one in peers:
        one.wait_until_ready()


async def received(peer: NodePeer, handler: str, count: int = 1) -> list[dict[str, Any]]:
    """Wait until *handler* has received *count* events, and return them."""
    await until(lambda: len(peer.received_by(handler)) >= count)
    return peer.received_by(handler)


def _transporter(url: str) -> dict[str, Any] | str:
    """Return the setting of Moleculer. Its client of NATS waits 2 s between attempts to reconnect,
    and gives up; that of Redis starts with 50 ms."""
    if url.startswith("nats"):
        options = {"url": url, "reconnectTimeWait": 50, "maxReconnectAttempts": -1}
        return {"type": "NATS", "options": options}
    return url
