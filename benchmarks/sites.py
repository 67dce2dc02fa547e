"""A site of the bundle web whose handlers do what actions of a controller do."""

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent

from bundles.autoload import create_application
from bundles.security import access
from rxkernel import Application, Request, Response, http

PAGE = "<h1>Hello</h1>"

FILE = "ten.txt"
FILE_TEXT = "0123456789abcde\n" * 640

_FILES = {
    f"app/{FILE}": FILE_TEXT,
    "app/page/get.py": f"async def get(client): return {PAGE!r}",
    "app/hello.json/get.py": "async def get(client): return {'hello': 'world'}",
    "app/staged.json/request.py": "async def request(client): client.context.data['hello'] = 'a'",
    "app/staged.json/get.py": "async def get(client): return client.context.data",
}


@access("public")
class Hello:
    """The controller."""

    @http("GET", "/controller/page", "page")
    async def page(self, request: Request) -> Response:
        return Response(PAGE, headers={"Content-Type": "text/html; charset=utf-8"})

    @http("GET", "/controller/hello", "hello")
    async def hello(self, request: Request) -> object:
        return {"hello": "world"}


def create(stack: ExitStack) -> Application:
    """Return the application of a folder that exists until *stack* is left."""
    root = Path(stack.enter_context(TemporaryDirectory())) / "application"
    for key, text in _FILES.items():
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    application = create_application(root, controllers=[Hello])
    application.load_settings({"http.port": 0})
    return application
