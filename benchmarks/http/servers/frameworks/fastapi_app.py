"""FastAPI with typed parameters and pydantic models, behind uvicorn."""

from fastapi import FastAPI, Request
from pydantic import BaseModel

from benchmarks.http.servers import settings
from benchmarks.http.servers.asgi import MIDDLEWARES


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


app = FastAPI()
for middleware in MIDDLEWARES:
    app.add_middleware(middleware)


@app.get("/hello")
async def hello() -> dict[str, str]:
    return settings.HELLO


@app.get("/items/{id}")
async def item(id: int, q: str, limit: int = 10) -> dict[str, int | str]:
    return {"id": id, "q": q, "limit": limit}


@app.post("/items")
async def add(item: Item) -> Item:
    return item


@app.get("/seen")
async def seen(request: Request) -> dict[str, int]:
    return settings.seen(request.scope.get("state", {}).get("seen", 0))
