"""The stage ``error``, and the errors of paths and methods."""

from typing import Any

import pytest

from rxkernel import ForbiddenException, KernelEvents
from tests.bundles.web.conftest import Site

ERROR = """
    async def error(client):
        return {"error": type(client.exception).__name__, "where": "%s"}
    """

FAILING = "async def get(client): raise %s"


async def test_error_handler_of_the_nearest_directory_responds(site: Site) -> None:
    files = {
        "app/error.py": ERROR % "root",
        "app/a/error.py": ERROR % "a",
        "app/a/b.json/get.py": FAILING % "KeyError",
        "app/c.json/get.py": FAILING % "ZeroDivisionError",
    }
    client = await site.start(files)

    response = await client.http("GET /a/b.json")
    assert response.status_code == 500
    assert response.content == b'{"error":"KeyError","where":"a"}'
    other = await client.http("GET /c.json")
    assert other.content == b'{"error":"ZeroDivisionError","where":"root"}'


async def test_error_handler_sees_the_data_of_the_request(site: Site) -> None:
    files = {
        "app/error.py": "async def error(client): return [client.context.data, client.status]",
        "app/a.json/get.py": """
            from rxkernel import ConflictException

            async def get(client):
                client.context.data["a"] = 1
                client.status = 201
                raise ConflictException(headers={"X-Own": "1"})
            """,
    }
    client = await site.start(files)

    response = await client.http("GET /a.json")

    assert (response.status_code, response.content) == (409, b'[{"a":1},null]')
    assert response.headers["X-Own"] == "1"


async def test_error_handler_may_choose_the_status_and_the_failure_is_logged(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    files = {
        "app/error.py": "async def error(client): return 'sorry', 200",
        "app/a/get.py": FAILING % "ValueError('secret')",
    }
    client = await site.start(files)

    response = await client.http("GET /a")

    assert (response.status_code, response.content) == (200, "sorry")
    assert "secret" in caplog.text


async def test_error_handler_that_fails_is_logged_and_the_standard_error_follows(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    files = {
        "app/error.py": "async def error(client): raise LookupError('in handler')",
        "app/a.json/get.py": "async def get(client): client.error(403)",
    }
    client = await site.start(files)

    response = await client.http("GET /a.json")

    assert response.status_code == 403
    assert response.content == {"statusCode": 403, "message": "Forbidden"}
    assert "in handler" in caplog.text


async def test_error_handler_without_a_result_leaves_the_standard_error(site: Site) -> None:
    files = {
        "app/error.py": "async def error(client): pass",
        "app/a.json/get.py": "async def get(client): client.error(403)",
    }
    client = await site.start(files)

    assert (await client.http("GET /a.json")).content == {
        "statusCode": 403,
        "message": "Forbidden",
    }


async def test_error_handler_may_end_and_call_the_one_above(site: Site) -> None:
    files = {
        "app/error.py": "async def error(client): client.end('root')",
        "app/a.json/error.py": "async def error(client): return [await client.inherited()]",
        "app/a.json/get.py": FAILING % "KeyError",
        "app/b.json/error.py": "async def error(client): return ['b', client.exception.args[0]]",
        "app/b.json/get.py": FAILING % "KeyError(7)",
    }
    client = await site.start(files)

    assert (await client.http("GET /a.json")).content == b'"root"'
    assert (await client.http("GET /b.json")).content == b'["b",7]'


async def test_error_handler_runs_for_errors_before_the_action(site: Site) -> None:
    files = {
        "app/error.py": "async def error(client): return [client.exception.status_code]",
        "app/a.json/post.py": "async def post(client): return 1",
    }
    client = await site.start(files)

    async def refuse(event: object) -> None:
        raise ForbiddenException

    broken = await client.http(
        "POST /a.json", body=b"{", headers={"Content-Type": "application/json"}
    )
    assert (broken.status_code, broken.content) == (400, b"[400]")
    client.dispatcher.add_listener(KernelEvents.KERNEL_HEAD, refuse)
    refused = await client.http("POST /a.json")
    assert (refused.status_code, refused.content) == (403, b"[403]")


SERVED = {
    "lib/names.py": "text = 'from lib'",
    "app/only-post.json/post.py": "async def post(client): return 1",
    "app/a.json/get.py": "async def get(client): return 1",
    "app/logo.svg": "<svg/>",
}


async def test_error_handler_of_unknown_paths_has_one_chain_until_a_reload(site: Site) -> None:
    """A chain is compiled when the tree is loaded, not for each 404."""
    files = {
        "lib/seen.py": "chains = []",
        "app/a.txt": "a",
        "app/error.py": """
            from bundles.autoload import lib

            async def error(client):
                lib.seen.chains.append(client.chain)
                return client.directory.path or "/"
            """,
        "app/sub/request.py": "async def request(client): ...",
        "app/sub/end.py": "async def end(client): raise LookupError",
    }
    async with site.served(files) as session:
        seen: Any = site.snapshot.files["lib/seen.py"].module
        for path, expected in (("/x", "/"), ("/y.png", "/"), ("/sub/x", "/sub")):
            for _ in range(2):
                async with session.get(path) as response:
                    assert (response.status, await response.text()) == (404, expected)
        first = seen.chains
        assert [chain is first[0] for chain in first] == [True] * 4 + [False] * 2
        assert first[4] is first[5]

        await site.change({"app/error.py": "async def error(client): return 'new'"})

        async with session.get("/x") as response:
            assert await response.text() == "new"


async def test_unknown_path_is_404_and_unknown_method_is_405(site: Site) -> None:
    """Impress of 2015 responded with 400, never 405, to POST of a directory with GET only."""
    async with site.served(SERVED) as session:

        async def status(method: str, path: str) -> tuple[int, str | None]:
            async with session.request(method, path) as response:
                return response.status, response.headers.get("Allow")

        assert await status("POST", "/a.json") == (405, "GET, HEAD, OPTIONS")
        assert await status("DELETE", "/only-post.json") == (405, "OPTIONS, POST")
        assert await status("GET", "/only-post.json") == (405, "OPTIONS, POST")
        assert await status("HEAD", "/only-post.json") == (405, "OPTIONS, POST")
        assert await status("GET", "/missing/x") == (404, None)
        assert await status("POST", "/missing/x") == (404, None)
        assert await status("POST", "/logo.svg") == (405, "GET, HEAD, OPTIONS")
        assert await status("GET", "/api/missing/x") == (404, None)
        assert await status("GET", "/a.json/get.py") == (404, None)


async def test_error_handler_responds_to_unknown_paths_and_methods(site: Site) -> None:
    handler = """
        from bundles.autoload import lib

        async def error(client):
            return f"{client.exception.status_code} {client.directory.path} {lib.names.text}"
        """
    files = {**SERVED, "app/error.py": handler, "app/deep/er/get.py": FAILING % "KeyError"}
    async with site.served(files) as session:

        async def text(method: str, path: str) -> tuple[int, str]:
            async with session.request(method, path) as response:
                return response.status, await response.text()

        assert await text("GET", "/deep/er/missing") == (404, "404 /deep/er from lib")
        assert await text("PUT", "/nothing") == (404, "404  from lib")
        assert await text("POST", "/deep/er/") == (405, "405 /deep/er from lib")


async def test_head_is_handled_by_get_unless_it_has_a_handler(site: Site) -> None:
    files = {
        "app/a.json/get.py": "async def get(client): return 'text'",
        "app/b.json/get.py": "async def get(client): return 'text'",
        "app/b.json/head.py": "async def head(client): return 'text', 200, {'X-Head': '1'}",
    }
    async with site.served(files) as session:
        async with session.head("/a.json") as response:
            assert (response.status, await response.read()) == (200, b"")
            assert response.headers["Content-Length"] == "6"
        async with session.head("/b.json") as response:
            assert (response.headers["X-Head"], await response.read()) == ("1", b"")
        async with session.get("/b.json") as response:
            assert "X-Head" not in response.headers


async def test_virtual_path_is_handled_unless_a_file_matches(site: Site) -> None:
    files = {
        "app/a/access.py": "virtual = True",
        "app/a/get.py": "async def get(client): return f'{client.path}|{client.parameters}'",
        "app/a/post.py": "async def post(client): return client.path",
        "app/a/file.txt": "file",
        "app/b/get.py": "async def get(client): return client.path",
    }
    async with site.served(files) as session:

        async def text(method: str, path: str) -> str:
            async with session.request(method, path, allow_redirects=False) as response:
                return await response.text()

        assert await text("GET", "/a/x/y.z?q=1") == "x/y.z|{'q': '1'}"
        assert await text("GET", "/a/") == "|{}"
        assert await text("GET", "/a/file.txt") == "file"
        assert await text("GET", "/a/%C3%A4/get.py") == "ä/get.py|{}"
        assert await text("POST", "/a/new") == "new"
        async with session.get("/b/x") as response:
            assert response.status == 404


async def test_virtual_root_handles_all_paths(site: Site) -> None:
    files = {
        "app/access.py": "virtual = True",
        "app/get.py": "async def get(client): return client.path",
        "app/logo.svg": "<svg/>",
    }
    async with site.served(files) as session:
        async with session.get("/any/thing") as response:
            assert await response.text() == "any/thing"
        async with session.get("/logo.svg") as response:
            assert await response.text() == "<svg/>"


async def test_error_handler_is_not_called_for_other_routes(site: Site) -> None:
    files = {
        "app/error.py": "async def error(client): return 'handled'",
        "app/a/get.py": FAILING % "KeyError",
        "api/chat/send.py": "access = 'public'\nasync def send(): raise KeyError",
    }
    client = await site.start(files)

    assert (await client.http("GET /a")).content == "handled"
    assert (await client.http("chat/send")).content == {
        "statusCode": 500,
        "message": "Internal Server Error",
    }
    assert (await client.websocket("chat/send", body={})).status_code == 500


async def test_error_handler_is_not_called_for_a_path_of_another_bundle(site: Site) -> None:
    files = {
        "app/error.py": "async def error(client): return 'handled'",
        "app/get.py": "async def get(client): 1",
        "api/unit/call.py": "async def method(): ...",
    }
    async with site.served(files) as session, session.post("/api", data="[") as response:
        assert "handled" not in await response.text()


async def test_error_handler_may_set_the_status(site: Site) -> None:
    files = {
        "app/error.py": "async def error(client): client.status = 410; return 'gone'",
        "app/a/get.py": FAILING % "KeyError",
    }
    client = await site.start(files)

    assert (await client.http("GET /a")).status_code == 410


async def test_response_of_error_handler_has_only_its_own_headers(site: Site) -> None:
    files = {
        "app/a/get.py": """
            async def get(client):
                client.headers["Cache-Control"] = "public, max-age=3600"
                client.headers["Content-Type"] = "application/pdf"
                client.status = 201
                1 / 0
            """,
        "app/a/error.py": """
            async def error(client):
                client.headers["X-Error"] = "1"
                return "<b>failed</b>"
            """,
        "app/b/get.py": "async def get(client): client.headers['X-Get'] = '1'; client.error(403)",
        "app/b/error.py": "async def error(client): return 'failed', 409, {'X-Error': '2'}",
    }
    client = await site.start(files)

    failed = await client.http("GET /a")
    assert (failed.status_code, failed.headers["X-Error"]) == (500, "1")
    assert failed.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Cache-Control" not in failed.headers
    other = await client.http("GET /b")
    assert (other.status_code, other.headers["X-Error"]) == (409, "2")
    assert "X-Get" not in other.headers


async def test_headers_of_a_failing_error_handler_are_not_sent(site: Site) -> None:
    files = {
        "app/a/get.py": "async def get(client): client.error(403)",
        "app/a/error.py": "async def error(client): client.headers['X-Error'] = '1'; 1 / 0",
    }
    client = await site.start(files)

    response = await client.http("GET /a")

    assert response.status_code == 403
    assert "X-Error" not in response.headers
