"""rxkernel: ``python -m rxkernel serve benchmarks.http.servers.rxkernel_app:create``."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import attrs

from benchmarks.http.servers import settings
from benchmarks.http.servers.changes import Change
from benchmarks.processes import ROOT
from rxkernel import (
    Application,
    Bundle,
    FileCacheSettings,
    FileResponse,
    KernelEvents,
    Request,
    RequestEvent,
    ResponseEvent,
    Settings,
    StaticFiles,
    StreamResponse,
    http,
)

ResponseListener = Callable[[ResponseEvent], Awaitable[None]]


@attrs.frozen
class Address:
    street: str
    city: str
    code: str


@attrs.frozen
class Item:
    id: int
    name: str
    email: str
    is_active: bool
    score: float
    tags: list[str]
    address: Address


class Controller:
    @http("GET", "/hello", "hello")
    async def hello(self, request: Request) -> object:
        return settings.HELLO

    @http("GET", "/items/{id:int}", "item")
    async def item(self, id: int, q: str, limit: int = 10) -> object:
        return {"id": id, "q": q, "limit": limit}

    @http("POST", "/items", "add")
    async def add(self, item: Item) -> Item:
        return item

    @http("GET", "/seen", "seen")
    async def seen(self, request: Request) -> object:
        return settings.seen(request.attributes.get("seen", 0))


class FurtherController:
    """Routes of rxkernel only, of which the instructions are counted."""

    @http("GET", "/stream", "stream")
    async def stream(self) -> StreamResponse:
        return StreamResponse(_one_piece())

    @http("GET", "/file", "file")
    async def file(self) -> FileResponse:
        return FileResponse(_FILE)

    @http("GET", "/large", "large")
    async def large(self) -> object:
        return _LARGE


_FILE = ROOT / "LICENSE"
_CACHE = FileCacheSettings(check_interval=3600.0)
_LARGE = [
    {"id": number, "name": f"Item number {number}", "tags": ["a", "b"]} for number in range(40)
]
"""2 KiB of JSON."""


async def _one_piece() -> AsyncIterator[bytes]:
    yield b"x" * 1000


async def on_request(event: RequestEvent) -> None:
    attributes = event.request.attributes
    attributes["seen"] = attributes.get("seen", 0) + 1


async def on_response(event: ResponseEvent) -> None:
    settings.count(event.response.status_code)


async def read_header(event: RequestEvent) -> None:
    event.request.attributes["host"] = event.request.headers["Host"]


def _changing(change: Change) -> ResponseListener:
    async def on_changed_response(event: ResponseEvent) -> None:
        change(event.response)

    return on_changed_response


def create(
    settings_of_application: Settings | None = None,
    controllers: Sequence[type] = (),
    bundles: Sequence[str | Bundle] = (),
) -> Application:
    static = StaticFiles(ROOT, path="/static", cache=_CACHE)
    application = Application(
        controllers=[Controller, FurtherController, static, *controllers],
        bundles=bundles,
        settings=settings_of_application,
    )
    request = [on_request] * settings.REQUEST_LISTENERS
    response: list[ResponseListener] = [on_response] * settings.RESPONSE_LISTENERS
    if settings.CHANGE is not None:
        request[-1], response[-1] = read_header, _changing(settings.CHANGE)
    for on_each_request in request:
        application.dispatcher.add_listener(KernelEvents.KERNEL_REQUEST, on_each_request)
    for on_each_response in response:
        application.dispatcher.add_listener(KernelEvents.KERNEL_RESPONSE, on_each_response)
    return application
