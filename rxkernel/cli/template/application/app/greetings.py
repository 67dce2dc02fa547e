"""Greets, over HTTP and Socket.IO alike."""

from typing import Annotated, Any

from injector import inject
from msgspec import Meta

from rxkernel import http, websocket

Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"\S")]
"""A text with more than white space; anything else is a 422."""


class Greetings:
    """Remembers who was greeted; in a real project, a database."""

    def __init__(self) -> None:
        self.names: list[str] = []


class GreetingController:
    @inject
    def __init__(self, greetings: Greetings) -> None:
        self.greetings = greetings

    @http("GET", "/greetings", "greeting_list")
    @websocket("greeting_list")
    async def all(self) -> dict[str, Any]:
        return {"names": self.greetings.names}

    @http("POST", "/greetings/{name}", "greeting_add", status_code=201)
    @websocket("greeting_add", status_code=201)
    async def add(self, name: Name) -> dict[str, str]:
        self.greetings.names.append(name)
        return {"message": f"Hello, {name}!"}
