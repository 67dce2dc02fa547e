"""rxkernel: ``python -m rxkernel serve benchmarks.http.servers.rxkernel_app:create``."""

import attrs

from benchmarks.http.servers import settings
from rxkernel import (
    Application,
    KernelEvents,
    Request,
    RequestEvent,
    ResponseEvent,
    Settings,
    http,
)


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


async def on_request(event: RequestEvent) -> None:
    attributes = event.request.attributes
    attributes["seen"] = attributes.get("seen", 0) + 1


async def on_response(event: ResponseEvent) -> None:
    settings.count(event.response.status_code)


def create(settings_of_application: Settings | None = None) -> Application:
    application = Application(controllers=[Controller], settings=settings_of_application)
    for _ in range(settings.REQUEST_LISTENERS):
        application.dispatcher.add_listener(KernelEvents.KERNEL_REQUEST, on_request)
    for _ in range(settings.RESPONSE_LISTENERS):
        application.dispatcher.add_listener(KernelEvents.KERNEL_RESPONSE, on_response)
    return application
