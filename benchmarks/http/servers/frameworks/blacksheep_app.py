"""BlackSheep with bound parameters and a pydantic model; behind uvicorn or granian."""

from blacksheep import Application, FromJSON, Request, Response, json
from pydantic import BaseModel

from benchmarks.http.servers import settings


class Address(BaseModel):
    street: str
    city: str
    code: str


class Item(BaseModel):
    id: int
    name: str
    email: str
    is_active: bool
    score: float
    tags: list[str]
    address: Address


app = Application()


@app.router.get("/hello")
async def hello() -> Response:
    return json(settings.HELLO)


@app.router.get("/items/{id}")
async def item(id: int, q: str, limit: int = 10) -> Response:
    return json({"id": id, "q": q, "limit": limit})


@app.router.post("/items")
async def add(data: FromJSON[Item]) -> Response:
    return json(data.value)


@app.router.get("/seen")
async def seen(request: Request) -> Response:
    return json(settings.seen(getattr(request, "seen", 0)))


async def on_request(request, handler):
    request.seen = getattr(request, "seen", 0) + 1
    return await handler(request)


async def on_response(request, handler):
    response = await handler(request)
    settings.count(response.status)
    return response


for _ in range(settings.REQUEST_LISTENERS):
    app.middlewares.append(on_request)
for _ in range(settings.RESPONSE_LISTENERS):
    app.middlewares.append(on_response)
