"""Starlette, msgspec by hand, behind uvicorn."""

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from benchmarks.http.servers import settings
from benchmarks.http.servers.asgi import MIDDLEWARES
from benchmarks.http.servers.item import decode_item, encode


async def hello(_: Request) -> Response:
    return JSONResponse(settings.HELLO)


async def item(request: Request) -> Response:
    try:
        q, limit = request.query_params["q"], int(request.query_params.get("limit", 10))
    except (KeyError, ValueError) as exc:
        raise HTTPException(400, str(exc)) from exc
    return JSONResponse({"id": request.path_params["id"], "q": q, "limit": limit})


async def add(request: Request) -> Response:
    try:
        content = decode_item(await request.body())
    except msgspec.DecodeError as exc:
        raise HTTPException(422, str(exc)) from exc
    return Response(encode(content), media_type="application/json")


async def seen(request: Request) -> Response:
    return JSONResponse(settings.seen(request.scope.get("state", {}).get("seen", 0)))


app = Starlette(
    routes=[
        Route("/hello", hello),
        Route("/items/{id:int}", item),
        Route("/items", add, methods=["POST"]),
        Route("/seen", seen),
    ],
    middleware=[Middleware(middleware) for middleware in MIDDLEWARES],
)
