"""Emmett55, msgspec by hand, behind granian through RSGI."""

import sys

import msgspec
from emmett55 import App, Pipe, abort, current, request, response
from emmett55.tools import service

from benchmarks.http.servers import settings
from benchmarks.http.servers.item import decode_item, encode


class OnRequest(Pipe):
    async def pipe(self, next_pipe, **kwargs):
        current.seen = getattr(current, "seen", 0) + 1
        return await next_pipe(**kwargs)


class OnResponse(Pipe):
    async def pipe(self, next_pipe, **kwargs):
        output = await next_pipe(**kwargs)
        settings.count(response.status)
        return output


app = App(__name__, root_path=sys.prefix)  # it creates folders there
app.pipeline = [OnRequest() for _ in range(settings.REQUEST_LISTENERS)]
app.pipeline += [OnResponse() for _ in range(settings.RESPONSE_LISTENERS)]


@app.route("/hello", methods="get")
@service.json
async def hello():
    return settings.HELLO


@app.route("/items/<int:id>", methods="get")
@service.json
async def item(id):
    try:
        q, limit = request.query_params["q"], int(request.query_params.get("limit", 10))
    except (KeyError, ValueError) as exc:
        abort(400, str(exc))
    return {"id": id, "q": q, "limit": limit}


@app.route("/items", methods="post", output="bytes")
async def add():
    try:
        content = decode_item(await request.body)
    except msgspec.DecodeError as exc:
        abort(422, str(exc))
    response.content_type = "application/json"
    return encode(content)


@app.route("/seen", methods="get")
@service.json
async def seen():
    return settings.seen(getattr(current, "seen", 0))
