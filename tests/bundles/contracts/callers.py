"""Calls of one definition over each transport: HTTP on both paths, Socket.IO, the transport of a
bundle, and in process."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Protocol

import aiohttp
from rxkernel_lines import LINES, LinesBundle, LinesSettings

from bundles.contracts import Contracts, ContractsBundle, ContractsSettings
from rxkernel import Application, HttpSettings, KernelClient, Response, Settings
from tests.bundles.contracts.lines_client import LinesClient
from tests.servers.socketio_clients import client as socketio_client


class Result(NamedTuple):
    """What a client receives."""

    status: int
    content: Any
    headers: Mapping[str, str] = {}


class Caller(Protocol):
    """Sends messages to an application."""

    application: Application

    async def call(self, name: str, body: Any = None) -> Result:
        """Call the definition *name*."""

    async def send(self, name: str, place: str, fields: Mapping[str, Any]) -> Result:
        """Call *name* over HTTP with *fields* as the ``params`` of the query or as a ``form``."""


class _InProcess:
    def __init__(self, application: Application, method: str) -> None:
        self.application = application
        self._client = KernelClient(application)
        self._method = method

    async def call(self, name: str, body: Any = None) -> Result:
        client = self._client
        if self._method == "http":
            response = await client.http(name, body=body)
        elif self._method == "websocket":
            response = await client.websocket(name, body=body)
        else:
            response = await client.call(LINES, name, body=body)
        return _result(response)

    async def send(self, name: str, place: str, fields: Mapping[str, Any]) -> Result:
        given: dict[str, Any] = {place: fields}
        return _result(await self._client.http(name, **given))


def _result(response: Response) -> Result:
    return Result(response.status_code, response.content, dict(response.headers))


class _Http:
    def __init__(self, application: Application, session: aiohttp.ClientSession) -> None:
        self.application = application
        self._session = session

    async def call(self, name: str, body: Any = None) -> Result:
        url = f"{self.application.servers['http'].url}/{name}"
        async with self._session.post(url, json=body) as response:
            return await self._result(response)

    async def send(self, name: str, place: str, fields: Mapping[str, Any]) -> Result:
        lists = {k: v if isinstance(v, list) else [v] for k, v in fields.items()}
        pairs = [(key, each) for key, values in lists.items() for each in values]
        given: dict[str, Any] = {"params" if place == "params" else "data": pairs}
        url = f"{self.application.servers['http'].url}/{name}"
        async with self._session.post(url, **given) as response:
            return await self._result(response)

    async def _result(self, response: aiohttp.ClientResponse) -> Result:
        text = await response.text()
        content = json.loads(text) if response.content_type == "application/json" else text
        return Result(response.status, content, dict(response.headers))


class _Socketio:
    def __init__(self, application: Application, client: Any) -> None:
        self.application = application
        self._client = client

    async def call(self, name: str, body: Any = None) -> Result:
        answer = await self._client.call(name, {"body": body}, timeout=30)
        if "content" in answer:
            return Result(answer["statusCode"], answer["content"], answer["headers"])
        return Result(answer["statusCode"], answer, answer.get("headers", {}))

    async def send(self, name: str, place: str, fields: Mapping[str, Any]) -> Result:
        raise NotImplementedError


class _Lines:
    def __init__(self, application: Application, client: LinesClient) -> None:
        self.application = application
        self._client = client

    async def call(self, name: str, body: Any = None) -> Result:
        answer = await self._client.call(name, body)
        return Result(answer["status"], answer["content"])

    async def send(self, name: str, place: str, fields: Mapping[str, Any]) -> Result:
        raise NotImplementedError


_SERVED = ("http fast", "http aiohttp", "socketio", "lines")
_IN_PROCESS = ("process http", "process websocket", "process lines")
WAYS = (*_SERVED, *_IN_PROCESS)
"""The transports, and in process the three kinds of definitions."""


@asynccontextmanager
async def calling(
    way: str,
    *controllers: Any,
    listeners: Sequence[Any] = (),
    bundle: Any = ContractsBundle,
    **contracts: Any,
) -> AsyncIterator[Caller]:
    """Serve *controllers* with the settings *contracts*, and call them in one of `WAYS`."""
    settings = Settings(
        request_id_header=None,
        http=HttpSettings(port=0, fast_path=way != "http aiohttp"),
        bundles={
            "contracts": ContractsSettings(**contracts),
            "lines": LinesSettings(port=0, concurrency=1000),
        },
    )
    application = Application(
        bundles=[bundle, LinesBundle],
        controllers=controllers,
        listeners=listeners,
        settings=settings,
    )
    kind, _, method = way.partition(" ")
    if kind == "process":
        async with application:
            yield _InProcess(application, method)
        return
    await application.start()
    try:
        if kind == "http":
            async with aiohttp.ClientSession() as session:
                yield _Http(application, session)
        elif kind == "socketio":
            async with socketio_client(application) as client:
                yield _Socketio(application, client)
        else:
            port = application.servers["lines"].port
            assert port is not None
            async with LinesClient(port) as lines:
                yield _Lines(application, lines)
    finally:
        await application.stop()


def contracts_of(caller: Caller) -> Contracts:
    return caller.application.injector.get(Contracts)
