"""The stages of a request, and their order."""

import asyncio
import logging

import pytest

from rxkernel import KernelClient, KernelEvents, RequestEvent
from tests.bundles.web.conftest import Site

LIB = "steps = []"

STAGE = """
from bundles.autoload import lib

async def {stage}(client):
    lib.trace.steps.append("{name}")
    {code}
"""


def stage(name: str, code: str = "pass", label: str = "") -> str:
    return STAGE.format(stage=name, name=label or name, code=code)


def steps(site: Site) -> list[str]:
    file = site.snapshot.files["lib/trace.py"]
    assert file.module is not None
    found: list[str] = file.module.steps
    return found


TREE = {
    "lib/trace.py": LIB,
    "app/request.py": stage("request"),
    "app/end.py": stage("end"),
    "app/lazy.py": stage("lazy"),
    "app/a.json/get.py": stage("get", "return {'a': 1}"),
}


# T67
async def test_stages_run_in_order_and_missing_ones_are_inherited(site: Site) -> None:
    client = await site.start(TREE)
    sent: list[list[str]] = []

    async def note(event: object) -> None:
        sent.append([*steps(site)])

    client.dispatcher.add_listener(KernelEvents.KERNEL_RESPONSE, note)

    response = await client.http("GET /a.json")

    assert response.content == b'{"a":1}'
    assert sent == [["request", "get", "end"]]
    assert steps(site) == ["request", "get", "end", "lazy"]


# T67
async def test_own_stage_replaces_the_stage_of_the_parent(site: Site) -> None:
    own = {"app/a.json/request.py": stage("request", label="own request")}
    client = await site.start({**TREE, **own})

    await client.http("GET /a.json")

    assert steps(site) == ["own request", "get", "end", "lazy"]


async def test_listener_of_the_kernel_sees_requests_of_directories(site: Site) -> None:
    client = await site.start(TREE)
    seen: list[str | None] = []

    async def count(event: RequestEvent) -> None:
        seen.append(event.request.route_name)

    client.dispatcher.add_listener(KernelEvents.KERNEL_REQUEST, count)
    await client.http("GET /a.json")

    assert seen == ["GET /a.json"]


async def test_result_of_request_is_sent_unless_the_verb_has_one(site: Site) -> None:
    files = {
        "app/request.py": "async def request(client): return 'request'",
        "app/a.json/get.py": "async def get(client): pass",
        "app/b.json/get.py": "async def get(client): return 0",
    }
    client = await site.start(files)

    assert (await client.http("GET /a.json")).content == b'"request"'
    assert (await client.http("GET /b.json")).content == b"0"


async def test_directory_with_only_request_serves_all_verbs(site: Site) -> None:
    files = {"app/a.json/request.py": "async def request(client): return client.request.method"}
    client = await site.start(files)

    found = [(await client.http(f"{v} /a.json")).content for v in ("GET", "POST", "DELETE")]

    assert found == [b'"GET"', b'"POST"', b'"DELETE"']


@pytest.mark.parametrize("value", ["0", "''", "False", "[]", "{}", "None", "0.0"])
async def test_falsy_result_is_sent(site: Site, value: str) -> None:
    """Impress of 2015 responded with 400."""
    client = await site.start({"app/a.json/get.py": f"async def get(client): return {value}"})

    response = await client.http("GET /a.json")

    expected = {"''": b'""', "False": b"false", "None": b"null"}.get(value, value.encode())
    assert (response.status_code, response.content) == (200, expected)


async def test_page_without_data_and_template_is_204(site: Site) -> None:
    client = await site.start({"app/get.py": "async def get(client): pass"})

    response = await client.http("GET /")

    assert (response.status_code, response.content) == (204, None)


@pytest.mark.parametrize(
    ("result", "status", "kind"),
    [
        ("'x', 201", 201, "application/json"),
        ("'x', 200, 'text/x'", 200, "text/x"),
        ("'x', 404, {'Content-Type': 'text/y', 'X-Own': '1'}", 404, "text/y"),
        ("Response('x', 202, {'Content-Type': 'text/z'})", 202, "text/z"),
    ],
    ids=["status", "content-type", "headers", "response"],
)
async def test_result_with_status_and_headers_is_sent(
    site: Site, result: str, status: int, kind: str
) -> None:
    text = f"from rxkernel import Response\nasync def get(client): return {result}"
    client = await site.start({"app/a.json/get.py": text})

    response = await client.http("GET /a.json")

    assert (response.status_code, response.headers["Content-Type"]) == (status, kind)


@pytest.mark.parametrize("result", ["(1, 2, 3, 4)", "('a',)", "()", "(1, 'b')", "(1, 200, 3)"])
async def test_another_tuple_is_an_error(
    site: Site, result: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = await site.start({"app/a.json/get.py": f"async def get(client): return {result}"})

    assert (await client.http("GET /a.json")).status_code == 500
    assert "return a list for data" in caplog.text


async def test_status_and_headers_of_client_are_sent(site: Site) -> None:
    files = {
        "app/request.py": "async def request(client): client.headers['X-A'] = 'a'",
        "app/a.json/get.py": """
            async def get(client):
                client.status = 201
                client.headers["X-B"] = "b"
                return 1
            """,
        "app/b.json/get.py": """
            from rxkernel import Response

            async def get(client):
                client.status = 202
                return Response("text")
            """,
    }
    client = await site.start(files)

    response = await client.http("GET /a.json")
    assert response.status_code == 201
    assert (response.headers["X-A"], response.headers["X-B"]) == ("a", "b")
    other = await client.http("GET /b.json")
    assert (other.status_code, other.headers["X-A"], other.content) == (202, "a", "text")


async def test_end_ends_the_chain_and_the_stage_end_runs(site: Site) -> None:
    own = {
        "app/b.json/request.py": stage("request", "client.end({'b': 2}, 203)"),
        "app/b.json/get.py": stage("get", "raise AssertionError"),
    }
    client = await site.start({**TREE, **own})

    response = await client.http("GET /b.json")

    assert (response.status_code, response.content) == (203, b'{"b":2}')
    assert steps(site) == ["request", "end", "lazy"]


async def test_end_is_not_caught_by_except_exception(site: Site) -> None:
    text = """
        async def get(client):
            try:
                client.end("ended")
            except Exception:
                return "caught"
        """
    client = await site.start({"app/get.py": text})

    assert (await client.http("GET /")).content == "ended"


async def test_stage_end_runs_after_an_exception_and_lazy_does_not(site: Site) -> None:
    client = await site.start({**TREE, "app/a.json/get.py": stage("get", "raise KeyError")})

    assert (await client.http("GET /a.json")).status_code == 500
    assert steps(site) == ["request", "get", "end"]


async def test_stage_end_may_replace_the_result(site: Site) -> None:
    client = await site.start({**TREE, "app/a.json/end.py": stage("end", "return 'other'")})

    assert (await client.http("GET /a.json")).content == b'"other"'


async def test_redirect_ends_the_chain(site: Site) -> None:
    files = {"app/a/get.py": "async def get(client): client.redirect('/b/', 303)"}
    client = await site.start(files)

    response = await client.http("GET /a")

    assert (response.status_code, response.headers["Location"]) == (303, "/b/")


@pytest.mark.parametrize(("status", "expected"), [(403, 403), (418, 418), (507, 507), (200, 500)])
async def test_error_raises_the_exception_of_the_status(
    site: Site, status: int, expected: int
) -> None:
    files = {"app/a.json/get.py": f"async def get(client): client.error({status}, 'text')"}
    client = await site.start(files)

    assert (await client.http("GET /a.json")).status_code == expected


async def test_failure_of_lazy_is_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    files = {
        "app/get.py": "async def get(client): return 'x'",
        "app/lazy.py": "async def lazy(client): raise ValueError('late')",
    }
    client = await site.start(files)

    assert (await client.http("GET /")).status_code == 200
    assert "late" in caplog.text


# T68
async def test_inherited_calls_the_handler_of_the_next_parent_once(site: Site) -> None:
    inherit = "client.context.data['n'] = client.context.data.get('n', 0) + 1"
    files = {
        "lib/trace.py": LIB,
        "app/get.py": stage("get", f"{inherit}; return [await client.inherited()]", "root"),
        "app/a/b.json/get.py": stage(
            "get",
            "return [await client.inherited(), client.context.data, await client.inherited()]",
            "own",
        ),
    }
    client = await site.start(files)

    response = await client.http("GET /a/b.json")

    assert response.content == b'[[null],{"n":2},[null]]'
    assert steps(site) == ["own", "root", "root"]


# T68
async def test_inherited_goes_up_over_all_directories(site: Site) -> None:
    text = "async def get(client): return ['{}', await client.inherited()]"
    files = {
        "app/get.py": text.format("root"),
        "app/a/get.py": text.format("a"),
        "app/a/b/c.json/get.py": text.format("c"),
        "app/end.py": "async def end(client): return await client.inherited()",
    }
    client = await site.start(files)

    response = await client.http("GET /a/b/c.json")

    assert response.content == b'["c",["a",["root",null]]]'


async def test_concurrent_calls_of_inherited_call_the_same_parent(site: Site) -> None:
    files = {
        "app/get.py": """
            import asyncio

            async def get(client):
                await asyncio.sleep(0)
                return await client.inherited()
            """,
        "app/a.json/get.py": """
            import asyncio

            async def get(client):
                both = await asyncio.gather(client.inherited(), client.inherited())
                return [*both, await client.inherited()]
            """,
    }
    client = await site.start(files)

    assert (await client.http("GET /a.json")).content == b"[null,null,null]"


async def test_middleware_of_request_wraps_the_rest(site: Site) -> None:
    files = {
        "lib/trace.py": LIB,
        "app/request.py": """
            from bundles.autoload import lib

            async def middleware(request, next):
                lib.trace.steps.append("before")
                response = await next(request)
                response.headers["X-Steps"] = ",".join(lib.trace.steps)
                return response
            """,
        "app/a.json/get.py": stage("get", "return 1"),
        "app/a.json/end.py": stage("end"),
        "app/b.json/get.py": stage("get", "client.end('ended')"),
    }
    client = await site.start(files)

    response = await client.http("GET /a.json")
    assert response.headers["X-Steps"] == "before,get,end"
    assert (await client.http("GET /b.json")).content == b'"ended"'


async def test_middleware_without_next_responds_and_end_runs(site: Site) -> None:
    files = {
        **TREE,
        "app/request.py": """
            from rxkernel import Response

            async def middleware(request, next):
                return Response("closed", 503)
            """,
    }
    client = await site.start(files)

    response = await client.http("GET /a.json")

    assert (response.status_code, response.content) == (503, "closed")
    assert steps(site) == ["end", "lazy"]


async def test_middleware_of_verb_responds(site: Site) -> None:
    files = {
        "app/a.json/get.py": """
            from rxkernel import Response

            async def middleware(request, next):
                response = await next(request)
                return Response([response.content.decode(), request.method])
            """,
    }
    client = await site.start(files)

    assert (await client.http("GET /a.json")).content == ["null", "GET"]


async def test_middleware_that_returns_data_is_an_error(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    files = {"app/a.json/get.py": "async def middleware(request, next): return 1"}
    client = await site.start(files)

    assert (await client.http("GET /a.json")).status_code == 500
    assert "middleware of GET /a.json returned int" in caplog.text


# T71
async def test_handler_that_never_ends_is_408_and_others_are_served(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    files = {
        "lib/trace.py": LIB,
        "app/a.json/get.py": """
            import asyncio

            from bundles.autoload import lib

            timeout = 0.02

            async def get(client):
                try:
                    await asyncio.Event().wait()
                finally:
                    lib.trace.steps.append("cancelled")
            """,
        "app/b.json/request.py": """
            import asyncio

            timeout = 0.02

            async def request(client):
                await asyncio.Event().wait()
            """,
        "app/b.json/get.py": stage("get"),
        "app/c.json/get.py": "async def get(client): return 'on'",
    }
    client = await site.start(files)

    with caplog.at_level(logging.WARNING):
        assert (await client.http("GET /a.json")).status_code == 408
        assert (await client.http("GET /b.json")).status_code == 408
    assert steps(site) == ["cancelled"]
    assert "GET /a.json did not respond in time" in caplog.text
    assert (await client.http("GET /c.json")).content == b'"on"'


async def test_own_timeout_error_of_a_handler_is_not_408(site: Site) -> None:
    files = {
        "app/a.json/request.py": """
            timeout = 20

            async def request(client):
                raise TimeoutError
            """,
        "app/a.json/get.py": "async def get(client): return 1",
    }
    client = await site.start(files)

    assert (await client.http("GET /a.json")).status_code == 500


async def test_services_of_all_stages_are_passed(site: Site) -> None:
    files = {
        "app/request.py": """
            from rxkernel import Application, Kernel

            async def request(client, service: Application):
                client.context.data["request"] = type(service).__name__

            """,
        "app/a.json/get.py": """
            from typing import Annotated

            from rxkernel import Header, Kernel

            async def get(client, service: Kernel, agent: Annotated[str, Header("X-Own")] = "-"):
                return {**client.context.data, "get": type(service).__name__, "agent": agent}
            """,
    }
    client = await site.start(files)

    response = await client.http("GET /a.json", headers={"X-Own": "test"})

    assert response.content == b'{"request":"Application","get":"Kernel","agent":"test"}'


async def test_context_is_not_shared_by_requests(site: Site) -> None:
    text = """
        import asyncio

        async def get(client):
            client.context.data[client.parameters["n"]] = 1
            await asyncio.sleep(0)
            return [*client.context.data]
        """
    client: KernelClient = await site.start({"app/a.json/get.py": text})

    both = await asyncio.gather(
        *(client.http("GET /a.json", params={"n": name}) for name in ("a", "b"))
    )

    assert [response.content for response in both] == [b'["a"]', b'["b"]']


async def test_concurrent_handlers_inherit_from_their_own_parents(site: Site) -> None:
    """The first call waits in the middle until the second one has returned."""
    files = {
        "app/get.py": "async def get(client): return 'root'",
        "app/a/get.py": """
            import asyncio

            async def get(client):
                data = client.context.data
                if "first" not in data:
                    data["first"] = asyncio.Event()
                    await data["first"].wait()
                return f"a<{await client.inherited()}"
            """,
        "app/a/b.json/get.py": """
            import asyncio

            async def get(client):
                first = asyncio.ensure_future(client.inherited())
                await asyncio.sleep(0)
                second = await client.inherited()
                client.context.data["first"].set()
                return [await first, second]
            """,
    }
    client = await site.start(files)

    assert (await client.http("GET /a/b.json")).content == b'["a<root","a<root"]'


async def test_inherited_called_by_a_later_task_calls_the_parent_of_its_handler(
    site: Site,
) -> None:
    files = {
        "app/get.py": "async def get(client): return 'get of the root'",
        "app/end.py": "async def end(client): return 'end of the root'",
        "app/a.json/get.py": """
            import asyncio

            async def get(client):
                async def late():
                    await client.context.data["ended"].wait()
                    return await client.inherited()

                client.context.data["ended"] = asyncio.Event()
                client.context.data["task"] = asyncio.create_task(late())
            """,
        "app/a.json/end.py": """
            async def end(client):
                client.context.data["ended"].set()
                return [await client.context.data["task"], await client.inherited()]
            """,
    }
    client = await site.start(files)

    found = await client.http("GET /a.json")
    assert found.content == b'["get of the root","end of the root"]'


async def test_inherited_in_nested_messages_belongs_to_each_message(site: Site) -> None:
    files = {
        "app/get.py": "async def get(client): return client.context.data.get('inner', 'root')",
        "app/a.json/get.py": """
            from rxkernel import KernelClient

            async def get(client):
                inner = await KernelClient(client.application).http("GET /b.json")
                client.context.data["inner"] = inner.content.decode()
                return await client.inherited()
            """,
        "app/b.json/put.py": "async def put(client): pass",
        "app/b.json/get.py": "async def get(client): return [await client.inherited()]",
    }
    client = await site.start(files)

    assert (await client.http("GET /a.json")).content == b'"[\\"root\\"]"'
