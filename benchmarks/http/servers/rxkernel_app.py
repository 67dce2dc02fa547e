"""rxkernel: ``python -m rxkernel serve benchmarks.http.servers.rxkernel_app:create``."""

import msgspec

from benchmarks.http.servers import settings
from benchmarks.http.servers.item import Item
from rxkernel import (
    Application,
    BadRequestException,
    KernelEvents,
    Request,
    RequestEvent,
    ResponseEvent,
    Settings,
    http,
)


class Controller:
    @http("GET", "/hello", "hello")
    async def hello(self, request: Request) -> object:
        return settings.HELLO

    @http("GET", "/items/{id:int}", "item")
    async def item(self, request: Request) -> object:
        limit = request.param("limit", int) if "limit" in request.params else 10
        return {"id": request.params["id"], "q": request.param("q"), "limit": limit}

    @http("POST", "/items", "add")
    async def add(self, request: Request) -> object:
        try:
            return msgspec.convert(request.body, Item)
        except msgspec.ValidationError as exc:
            raise BadRequestException(str(exc)) from exc

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
