"""Quart, msgspec by hand, behind uvicorn or hypercorn."""

import msgspec
from quart import Quart, Response, abort, g, request

from benchmarks.http.servers import settings
from benchmarks.http.servers.item import decode_item, encode

app = Quart(__name__)


@app.get("/hello")
async def hello() -> dict[str, str]:
    return settings.HELLO


@app.get("/items/<int:id>")
async def item(id: int) -> dict[str, int | str]:
    try:
        q, limit = request.args["q"], int(request.args.get("limit", 10))
    except ValueError:
        abort(400)
    return {"id": id, "q": q, "limit": limit}


@app.post("/items")
async def add() -> Response:
    try:
        content = decode_item(await request.get_data())
    except msgspec.DecodeError:
        abort(422)
    return Response(encode(content), mimetype="application/json")


@app.get("/seen")
async def seen() -> dict[str, int]:
    return settings.seen(g.get("seen", 0))


async def on_request() -> None:
    g.seen = g.get("seen", 0) + 1


async def on_response(response: Response) -> Response:
    settings.count(response.status_code)
    return response


for _ in range(settings.REQUEST_LISTENERS):
    app.before_request(on_request)
for _ in range(settings.RESPONSE_LISTENERS):
    app.after_request(on_response)
