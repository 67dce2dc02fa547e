"""Sanic on its own server, msgspec by hand."""

import msgspec
from sanic import HTTPResponse, Request, Sanic, json, raw
from sanic.exceptions import SanicException

from benchmarks.http.servers import settings
from benchmarks.http.servers.item import decode_item, encode

app = Sanic("benchmark")


@app.get("/hello")
async def hello(_: Request) -> HTTPResponse:
    return json(settings.HELLO)


@app.get("/items/<id:int>")
async def item(request: Request, id: int) -> HTTPResponse:
    try:
        q, limit = request.args["q"][0], int(request.args.get("limit", 10))
    except (KeyError, ValueError) as exc:
        raise SanicException(str(exc), 400) from exc
    return json({"id": id, "q": q, "limit": limit})


@app.post("/items")
async def add(request: Request) -> HTTPResponse:
    try:
        content = decode_item(request.body)
    except msgspec.DecodeError as exc:
        raise SanicException(str(exc), 422) from exc
    return raw(encode(content), content_type="application/json")


@app.get("/seen")
async def seen(request: Request) -> HTTPResponse:
    return json(settings.seen(getattr(request.ctx, "seen", 0)))


def on_request() -> None:
    @app.on_request
    async def listener(request: Request) -> None:
        request.ctx.seen = getattr(request.ctx, "seen", 0) + 1


def on_response() -> None:
    @app.on_response
    async def listener(_: Request, response: HTTPResponse) -> None:
        settings.count(response.status)


for _ in range(settings.REQUEST_LISTENERS):
    on_request()  # the same function is registered once only
for _ in range(settings.RESPONSE_LISTENERS):
    on_response()

if __name__ == "__main__":
    app.run("127.0.0.1", settings.PORT, single_process=True, access_log=False, motd=False)
