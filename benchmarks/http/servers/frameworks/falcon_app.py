"""Falcon's ASGI application, msgspec by hand, behind uvicorn."""

import falcon
import falcon.asgi
import msgspec

from benchmarks.http.servers import settings
from benchmarks.http.servers.item import decode_item, encode


class Hello:
    async def on_get(self, request, response):
        response.media = settings.HELLO


class Items:
    async def on_get(self, request, response, id):
        q = request.get_param("q", required=True)
        limit = request.get_param_as_int("limit", default=10)
        response.media = {"id": id, "q": q, "limit": limit}

    async def on_post_all(self, request, response):
        try:
            content = decode_item(await request.stream.read())
        except msgspec.DecodeError as exc:
            raise falcon.HTTPUnprocessableEntity(description=str(exc)) from exc
        response.data = encode(content)


class Seen:
    async def on_get(self, request, response):
        response.media = settings.seen(getattr(request.context, "seen", 0))


class OnRequest:
    async def process_request(self, request, response):
        request.context.seen = getattr(request.context, "seen", 0) + 1


class OnResponse:
    async def process_response(self, request, response, resource, succeeded):
        settings.count(response.status_code)


app = falcon.asgi.App(
    middleware=[OnRequest() for _ in range(settings.REQUEST_LISTENERS)]
    + [OnResponse() for _ in range(settings.RESPONSE_LISTENERS)]
)
items = Items()
app.add_route("/hello", Hello())
app.add_route("/items/{id:int}", items)
app.add_route("/items", items, suffix="all")
app.add_route("/seen", Seen())
