"""`Client`: the attributes that handlers read, and the services that they take."""

import pytest

from bundles.web import WebBundle
from rxkernel import UploadedFile
from tests.bundles.web.conftest import Site


async def test_client_has_its_attributes(site: Site) -> None:
    text = """
        async def get(client):
            return {
                "user": client.user,
                "token": type(client.token).__name__,
                "settings": type(client.application.settings).__name__,
                "directory": client.directory.path,
                "name": client.directory.name,
                "path": client.path,
                "websocket": client.websocket,
                "exception": client.exception,
                "data": client.context.data,
                "headers": client.headers,
                "inherited": await client.inherited(),
            }
        """
    client = await site.start({"app/a/b.json/get.py": text})

    response = await client.http("GET /a/b.json")

    assert response.content == (
        b'{"user":null,"token":"Token","settings":"Settings","directory":"/a/b.json",'
        b'"name":"b.json","path":"","websocket":null,"exception":null,"data":{},"headers":{},'
        b'"inherited":null}'
    )


async def test_inherited_handler_that_is_a_middleware_is_an_error(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    files = {
        "app/get.py": "async def middleware(request, next): return await next(request)",
        "app/a.json/get.py": "async def get(client): return await client.inherited()",
    }
    client = await site.start(files)

    assert (await client.http("GET /a.json")).status_code == 500
    assert "the handler app/get.py is a middleware" in caplog.text


async def test_timeout_of_an_inherited_handler_is_enforced(site: Site) -> None:
    files = {
        "app/get.py": """
            import asyncio

            timeout = 0.02

            async def get(client):
                await asyncio.Event().wait()
            """,
        "app/a.json/get.py": "async def get(client): return await client.inherited()",
    }
    client = await site.start(files)

    assert (await client.http("GET /a.json")).status_code == 408


async def test_uploads_of_a_form_are_files(site: Site) -> None:
    text = """
        async def post(client):
            upload = client.files["photo"]
            return [client.fields["name"], upload.filename, (await upload.read()).decode()]
        """
    client = await site.start({"app/a.json/post.py": text})

    form, files = {"name": "Ada"}, {"photo": UploadedFile("a.txt", b"text", "text/plain")}
    response = await client.http("POST /a.json", form=form, files=files)

    assert response.content == b'["Ada","a.txt","text"]'


async def test_services_of_one_name_in_several_handlers_are_separate(site: Site) -> None:
    files = {
        "app/request.py": """
            from rxkernel import Kernel, Request

            async def request(client, service: Kernel, request: Request):
                client.context.data["first"] = [type(service).__name__, request.url]
            """,
        "app/a.json/get.py": """
            from bundles.autoload import Autoload

            async def get(client, service: Autoload):
                return [*client.context.data["first"], type(service).__name__]
            """,
        "app/a.json/lazy.py": """
            from bundles.autoload import Autoload

            async def lazy(client, service: Autoload):
                service.current
            """,
    }
    client = await site.start(files)

    assert (await client.http("GET /a.json")).content == b'["Kernel","/a.json","Autoload"]'


async def test_parameter_with_another_type_in_a_second_handler_is_an_error(site: Site) -> None:
    text = """
        from typing import Annotated

        from rxkernel import Query

        async def {stage}(client, n: Annotated[{type}, Query()] = {default}):
            return n
        """
    files = {
        "app/request.py": text.format(stage="request", type="str", default="'a'"),
        "app/a.json/get.py": text.format(stage="get", type="int", default=1),
    }

    found = await site.problems(files)

    assert "app/a.json/get.py:6: another handler of the chain takes 'n' as something else" in found


async def test_marked_parameters_are_read_and_wrong_ones_are_422(site: Site) -> None:
    text = """
        from typing import Annotated

        import attrs

        from rxkernel import Body, Query

        @attrs.frozen
        class Order:
            count: int

        async def post(client, order: Annotated[Order, Body()], n: Annotated[int, Query()] = 1):
            return [order.count, n]
        """
    client = await site.start({"app/a.json/post.py": text})

    good = await client.http("POST /a.json", params={"n": 2}, body={"count": 3})
    assert good.content == b"[3,2]"
    bad = await client.http("POST /a.json", params={"n": "x"}, body={})
    assert bad.status_code == 422


async def test_program_handler_of_each_verb_is_called(site: Site) -> None:
    web = WebBundle()

    async def handle(client: object) -> object:
        return client.request.method  # type: ignore[attr-defined]

    for register in (web.get, web.post, web.put, web.patch, web.delete):
        register("/a.json", handle)
    client = await site.start({"app/b.json/get.py": "async def get(client): 1"}, bundles=[web])

    for verb in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        assert (await client.http(f"{verb} /a.json")).content == f'"{verb}"'.encode()


async def test_program_handler_may_be_a_middleware_or_have_a_contract(site: Site) -> None:
    text = """
        from bundles.autoload import application
        from rxkernel import Response

        async def around(request, next):
            response = await next(request)
            return Response([response.status_code])

        async def typed(client):
            return client.parameters

        application.get("/around.json", around)
        application.post("/typed.json", typed, {"parameters": {"n": "number"}})
        """
    client = await site.start({"lib/programs.py": text, "app/get.py": "async def get(client): 1"})

    assert (await client.http("GET /around.json")).content == [200]
    assert (await client.http("POST /typed.json", body={"n": 1})).content == b'{"n":1}'
    assert (await client.http("POST /typed.json", body={"n": "x"})).status_code == 422


async def test_program_handler_inherits_and_is_inherited(site: Site) -> None:
    text = """
        from bundles.autoload import application

        async def above(client):
            return ["program", await client.inherited()]

        application.get("/a", above)
        """
    files = {
        "lib/programs.py": text,
        "app/get.py": "async def get(client): return 'root'",
        "app/a/b.json/get.py": "async def get(client): return await client.inherited()",
    }
    client = await site.start(files)

    assert (await client.http("GET /a/b.json")).content == b'["program","root"]'


async def test_access_of_a_decorator_is_an_error(site: Site) -> None:
    text = """
        from bundles.security import access

        @access("authenticated")
        async def get(client):
            return 1
        """

    found = await site.problems({"app/a/get.py": text})

    assert "a decorator sets access, but the rules of a directory are in access.py" in found


@pytest.mark.parametrize("value", ["'x'", "0", "True", "-1", "float('inf')"])
async def test_wrong_timeout_of_a_stage_is_an_error(site: Site, value: str) -> None:
    text = f"timeout = {value}\nasync def end(client): pass"

    assert "write a number of seconds greater than 0" in await site.problems({"app/end.py": text})


async def test_middleware_receives_services(site: Site) -> None:
    text = """
        from rxkernel import Kernel, Response

        async def middleware(request, next, service: Kernel):
            return Response(type(service).__name__)
        """
    client = await site.start({"app/a.json/get.py": text})

    assert (await client.http("GET /a.json")).content == "Kernel"
