"""One method for each way to fail, and calls over a WebSocket and over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from bundles.contracts import DomainError, Queue, contract
from bundles.metacom import METACOM
from rxkernel import (
    ForbiddenException,
    NotFoundException,
    Request,
    ServiceUnavailableException,
    UnauthorizedException,
    UnprocessableEntityException,
    procedure,
)
from tests.bundles.metacom.conftest import Site


class Reply(NamedTuple):
    """The packet of a callback, and the status of its response over HTTP."""

    packet: dict[str, Any]
    status: int | None

    @property
    def error(self) -> tuple[str, Any]:
        """Text and code."""
        return self.packet["error"]["message"], self.packet["error"]["code"]


QUEUE = Queue(concurrency=1, size=1, timeout=30)

Send = Callable[[Any], Coroutine[Any, Any, Reply]]
"""Sends a packet."""


@asynccontextmanager
async def sending(site: Site, way: str) -> AsyncIterator[Send]:
    """Send packets over *way*: ``websocket`` or ``http``."""
    if way == "websocket":
        async with site.client() as client:

            async def over_websocket(packet: Any) -> Reply:
                await client.send(packet)
                return Reply(await client.receive(), None)

            yield over_websocket
    else:

        async def over_http(packet: Any) -> Reply:
            options: dict[str, Any] = {"json": packet}
            if isinstance(packet, str):
                options = {"data": packet}
            async with site.session.post(f"{site.url}/api", **options) as response:
                return Reply(await response.json(), response.status)

        yield over_http


def call(method: Any, args: Any = None, id: Any = 1) -> dict[str, Any]:
    """Return the packet of a call."""
    return {"type": "call", "id": id, "method": method, "args": args or {}}


class CodedError(Exception):
    code = 12345


def _refuse(args: Any) -> None:
    raise ValueError("validate has failed")


async def _refuse_async(args: Any) -> None:
    raise ValueError("validate has failed")


class Failing:
    """One method for each row of the matrix of Impress."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.release = asyncio.Event()
        self.entered = asyncio.Event()

    @procedure("fail/add", METACOM, arguments="value")
    @contract(parameters={"a": "number", "b": "number"})
    async def add(self, a: float, b: float) -> float:
        return a + b

    @procedure("fail/typed", METACOM, arguments="value")
    async def typed(self, a: int, b: list[int]) -> int:
        return a + len(b)

    @procedure("fail/validate", METACOM, arguments="value")
    @contract(validate=_refuse)
    async def validate(self) -> None:
        self.ran.append("validate")

    @procedure("fail/validate_async", METACOM, arguments="value")
    @contract(validate=_refuse_async)
    async def validate_async(self) -> None:
        self.ran.append("validate_async")

    @procedure("fail/returned", METACOM, arguments="value")
    @contract(errors={"EARGA": "Invalid argument: a"})
    async def returned(self, way: str) -> Any:
        match way:
            case "without code":
                return DomainError(500, "own text")
            case "code 10":
                return DomainError(10, "own text")
            case "code 404":
                return DomainError(404, "own text")
            case "code 12345":
                return DomainError(12345, "own text")
            case "EARGA":
                return DomainError("EARGA")
            case "unlisted":
                return DomainError("EOTHER")
            case "exception":
                return NotFoundException("a secret")
        return None

    @procedure("fail/declared", METACOM, arguments="value")
    async def declared(self) -> int | DomainError:
        return DomainError("EARGA", "own text")

    @procedure("fail/raised", METACOM, arguments="value")
    @contract(errors={"EARGA": "Invalid argument: a"})
    async def raised(self, way: str) -> Any:
        match way:
            case "without code":
                raise RuntimeError("a secret")
            case "code 404":
                raise NotFoundException("own text")
            case "code 401":
                raise UnauthorizedException("own text")
            case "code 403":
                raise ForbiddenException("own text")
            case "code 422":
                raise UnprocessableEntityException("own text", errors={"own": "details"})
            case "code 503":
                raise ServiceUnavailableException("own text")
            case "code 12345":
                raise CodedError("a secret")
            case "domain 12345":
                raise DomainError(12345, "own text")
            case "domain 404":
                raise DomainError(404, "own text")
            case "EARGA":
                raise DomainError("EARGA")

    @procedure("fail/returns", METACOM, arguments="value")
    @contract(returns={"a": "number"})
    async def returns(self) -> Any:
        return {"a": "text"}

    @procedure("fail/unencodable", METACOM, arguments="value")
    async def unencodable(self) -> Any:
        return object()

    @procedure("fail/timeout", METACOM, arguments="value")
    @contract(timeout=0.02)
    async def timeout(self) -> None:
        await asyncio.Event().wait()

    @procedure("fail/queue", METACOM, arguments="value")
    @contract(queue=QUEUE)
    async def queue(self, request: Request) -> int:
        self.entered.set()
        await self.release.wait()
        self.ran.append(request.params["number"])
        number: int = request.params["number"]
        return number

    @procedure("fail/impatient", METACOM, arguments="value")
    @contract(queue=Queue(concurrency=1, size=1, timeout=0.02))
    async def impatient(self) -> None:
        self.entered.set()
        await self.release.wait()
