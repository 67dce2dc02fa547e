"""Litestar with typed parameters and msgspec structs, which it validates itself."""

from litestar import Litestar, Request, get, post

from benchmarks.http.servers import settings
from benchmarks.http.servers.asgi import MIDDLEWARES
from benchmarks.http.servers.item import Item


@get("/hello")
async def hello() -> dict[str, str]:
    return settings.HELLO


@get("/items/{id:int}")
async def item(id: int, q: str, limit: int = 10) -> dict[str, int | str]:
    return {"id": id, "q": q, "limit": limit}


@post("/items", status_code=200)
async def add(data: Item) -> Item:
    return data


@get("/seen")
async def seen(request: Request) -> dict[str, int]:
    return settings.seen(request.scope.get("state", {}).get("seen", 0))


app = Litestar([hello, item, add, seen], middleware=MIDDLEWARES, openapi_config=None)
