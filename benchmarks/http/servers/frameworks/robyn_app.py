"""Robyn on its own server, one process with one worker; a pydantic model, as in its manual.

Its requests have no attributes to set but headers, so listeners set a header.
"""

from pydantic import BaseModel
from robyn import Request, Response, Robyn

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


app = Robyn(__file__)


@app.get("/hello")
async def hello() -> dict[str, str]:
    return settings.HELLO


@app.get("/items/:id")
async def item(id: int, q: str, limit: int = 10) -> dict[str, int | str]:
    return {"id": id, "q": q, "limit": limit}


@app.post("/items")
async def add(item: Item) -> Item:
    return item


@app.get("/seen")
async def seen(request: Request) -> dict[str, int]:
    return settings.seen(int(request.headers.get("x-seen") or 0))


async def on_request(request: Request) -> Request:
    request.headers.set("x-seen", str(int(request.headers.get("x-seen") or 0) + 1))
    return request


async def on_response(response: Response) -> Response:
    settings.count(response.status_code)
    return response


for _ in range(settings.REQUEST_LISTENERS):
    app.before_request()(on_request)
for _ in range(settings.RESPONSE_LISTENERS):
    app.after_request()(on_response)

if __name__ == "__main__":
    app.start("127.0.0.1", settings.PORT, _check_port=False)
