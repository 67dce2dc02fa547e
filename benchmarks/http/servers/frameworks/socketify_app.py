"""socketify on its own server (µWebSockets), msgspec by hand.

Its middlewares and the handler are called one after another: each gets the return value of the
one before, so middlewares after the handler get its status.
"""

import msgspec
from socketify import App, middleware

from benchmarks.http.servers import settings
from benchmarks.http.servers.item import decode_item, encode

_JSON = b"application/json"
_REASONS = {200: b"200 OK", 400: b"400 Bad Request", 422: b"422 Unprocessable Content"}


def answer(response, content, status=200):
    response.cork_send(encode(content), _JSON, _REASONS[status])
    return status


def hello(response, request, seen=0):
    return answer(response, settings.HELLO)


def item(response, request, seen=0):
    try:
        id, q = int(request.get_parameter(0)), request.get_query("q")
        limit = int(request.get_query("limit") or 10)
    except (TypeError, ValueError) as exc:
        return answer(response, str(exc), 400)
    return answer(response, {"id": id, "q": q, "limit": limit})


async def add(response, request, seen=0):
    body = await response.get_data()
    try:
        return answer(response, decode_item(body.getvalue()))
    except msgspec.DecodeError as exc:
        return answer(response, str(exc), 422)


def seen(response, request, seen=0):
    return answer(response, settings.seen(seen))


def on_request(response, request, seen=None):
    return (seen or 0) + 1


def on_response(response, request, status):
    settings.count(status)
    return status


async def on_request_async(response, request, seen=None):
    return on_request(response, request, seen)


async def on_response_async(response, request, status):
    return on_response(response, request, status)


def listened(handler, before=on_request, after=on_response):
    """All of them are async or all sync: a mixture does not respond to requests with a body."""
    row = [before] * settings.REQUEST_LISTENERS
    row += [handler]
    row += [after] * settings.RESPONSE_LISTENERS
    return middleware(*row) if len(row) > 1 else handler


app = App(request_response_factory_max_items=10_000)  # without it, bodies crash the process
app.get("/hello", listened(hello))
app.get("/items/:id", listened(item))
app.post("/items", listened(add, on_request_async, on_response_async))
app.get("/seen", listened(seen))

if __name__ == "__main__":
    app.listen(settings.PORT)
    app.run()
