"""The baseline: aiohttp on uvloop, msgspec by hand."""

import asyncio
import logging
import signal

import msgspec
import uvloop
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from benchmarks.http.servers import settings
from benchmarks.http.servers.changes import Change
from benchmarks.http.servers.item import decode_item, encode

_SEEN = web.RequestKey("seen", int)
_HOST = web.RequestKey("host", str)


def answer(content: object) -> web.Response:
    return web.Response(body=encode(content), content_type="application/json")


async def hello(_: web.Request) -> web.Response:
    return answer(settings.HELLO)


async def item(request: web.Request) -> web.Response:
    try:
        id, q = int(request.match_info["id"]), request.query["q"]
        limit = int(request.query.get("limit", 10))
    except (KeyError, ValueError) as exc:
        raise web.HTTPBadRequest(text=str(exc)) from exc
    return answer({"id": id, "q": q, "limit": limit})


async def add(request: web.Request) -> web.Response:
    try:
        return answer(decode_item(await request.read()))
    except msgspec.DecodeError as exc:
        raise web.HTTPUnprocessableEntity(text=str(exc)) from exc


async def seen(request: web.Request) -> web.Response:
    return answer(settings.seen(request.get(_SEEN, 0)))


@web.middleware
async def on_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    request[_SEEN] = request.get(_SEEN, 0) + 1
    return await handler(request)


@web.middleware
async def on_response(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    settings.count(response.status)
    return response


def _changed_hello(change: Change) -> Handler:
    """The work of rxkernel's listeners, in the handler: no middleware is needed."""

    async def changed_hello(request: web.Request) -> web.Response:
        request[_HOST] = request.headers["Host"]
        response = answer(settings.HELLO)
        change(response)
        return response

    return changed_hello


@web.middleware
async def read_header(request: web.Request, handler: Handler) -> web.StreamResponse:
    request[_HOST] = request.headers["Host"]
    return await handler(request)


def _changing(change: Change) -> Middleware:
    @web.middleware
    async def on_changed_response(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        change(response)
        return response

    return on_changed_response


def create() -> web.Application:
    request: list[Middleware] = [on_request] * settings.REQUEST_LISTENERS
    response: list[Middleware] = [on_response] * settings.RESPONSE_LISTENERS
    handler: Handler = hello
    if settings.CHANGE is not None and request and response:
        request[-1], response[-1] = read_header, _changing(settings.CHANGE)
    elif settings.CHANGE is not None:
        handler = _changed_hello(settings.CHANGE)
    application = web.Application(middlewares=[*request, *response])
    application.add_routes(
        [
            web.get("/hello", handler),
            web.get("/items/{id}", item),
            web.post("/items", add),
            web.get("/seen", seen),
        ]
    )
    return application


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    application = create()
    if settings.ACCESS_LOG:
        logging.basicConfig(level=logging.INFO)
        runner = web.AppRunner(application)
    else:
        runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", settings.PORT).start()
    await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(main())
