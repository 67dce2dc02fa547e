"""Greets, over HTTP and Socket.IO alike."""

from injector import inject

from rxkernel import BadRequestException, Request, Response, http, websocket


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
    async def list(self, request: Request) -> Response:
        return Response({"names": self.greetings.names})

    @http("POST", "/greetings/{name}", "greeting_add")
    @websocket("greeting_add")
    async def add(self, request: Request) -> Response:
        name = request.params.get("name")
        if not isinstance(name, str) or not name.strip():
            raise BadRequestException("name must be a text")
        self.greetings.names.append(name)
        return Response({"message": f"Hello, {name}!"}, 201)
