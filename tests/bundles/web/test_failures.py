"""Requests that fail: started stages end, and the first error is sent."""

import asyncio
from typing import Any

import pytest

from bundles.web import Client, Extension, WebBundle
from tests.bundles.web.conftest import Site
from tests.bundles.web.test_cycle import LIB, stage, steps

GOES_ON = "async def middleware(request, next): return await next(request)"


async def test_page_that_cannot_be_kept_releases_the_snapshot(site: Site) -> None:
    text = """
        from rxkernel import Response

        async def get(client):
            client.cache(60)
            return Response(object())
        """
    async with site.served({"app/a/get.py": text}) as session:
        for _ in range(3):
            async with session.get("/a/") as response:
                assert response.status == 500
        old = site.snapshot
        assert old.readers.count == 0
        await asyncio.wait_for(site.change({"app/b/get.py": stage("get")}), 10)
        assert site.snapshot is not old


@pytest.mark.parametrize("last", ["client.end('ended')", "client.redirect('/')", "return 'ended'"])
@pytest.mark.parametrize(
    "around", [{}, {"app/request.py": GOES_ON}], ids=["handlers", "middleware"]
)
async def test_end_of_a_failed_chain_does_not_replace_the_error(
    site: Site, last: str, around: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    files = {
        "app/end.py": f"async def end(client): {last}",
        "app/error.py": "async def error(client): return type(client.exception).__name__",
        "app/a/get.py": "async def get(client): client.error(404)",
        "app/b/get.py": "async def get(client): 1 / 0",
        **around,
    }
    client = await site.start(files)

    missing = await client.http("GET /a")
    assert (missing.status_code, missing.content) == (404, "NotFoundException")
    failed = await client.http("GET /b")
    assert (failed.status_code, failed.content) == (500, "ZeroDivisionError")
    assert "division by zero" in caplog.text


async def test_failure_of_end_in_a_failed_chain_is_logged_and_the_first_error_sent(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    files = {
        "app/end.py": "async def end(client): raise ValueError('end failed')",
        "app/a/get.py": "async def get(client): client.error(403)",
        "app/b/get.py": "async def get(client): return 'right'",
    }
    client = await site.start(files)

    assert (await client.http("GET /a")).status_code == 403
    assert "the handler 'end' of GET /a failed" in caplog.text
    assert "end failed" in caplog.text
    assert (await client.http("GET /b")).status_code == 500


async def test_error_of_a_middleware_is_sent_although_end_fails(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    files = {
        "app/request.py": """
            from rxkernel import ForbiddenException

            async def middleware(request, next):
                raise ForbiddenException
            """,
        "app/end.py": "async def end(client): client.end('ended') if client.query else 1 / 0",
        "app/a/get.py": "async def get(client): return 'right'",
    }
    client = await site.start(files)

    assert (await client.http("GET /a", params={"x": "1"})).status_code == 403
    assert (await client.http("GET /a")).status_code == 403
    assert "the handler 'end' of GET /a failed" in caplog.text


async def test_end_in_the_last_stage_is_a_response_for_the_middleware(site: Site) -> None:
    files = {
        "app/request.py": """
            async def middleware(request, next):
                response = await next(request)
                response.headers["X-After"] = "1"
                return response
            """,
        "app/end.py": "async def end(client): client.end('ended', 203)",
        "app/a/get.py": "async def get(client): return 'right'",
    }
    client = await site.start(files)

    response = await client.http("GET /a")

    assert (response.status_code, response.content) == (203, "ended")
    assert response.headers["X-After"] == "1"


@pytest.mark.parametrize("key", ["request", "get"])
async def test_middleware_that_calls_next_twice_is_an_error_and_end_runs_once(
    site: Site, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    twice = """
        async def middleware(request, next):
            await next(request)
            return await next(request)
        """
    files = {
        "lib/trace.py": LIB,
        "app/a/get.py": stage("get", "return 'x'"),
        "app/a/end.py": stage("end"),
        f"app/a/{key}.py": twice,
    }
    client = await site.start(files)

    assert (await client.http("GET /a")).status_code == 500
    assert "called next twice" in caplog.text
    assert steps(site) == (["get", "end"] if key == "request" else ["end"])


@pytest.mark.parametrize("waits", ["await asyncio.Event().wait()", "pass"], ids=["own", "next"])
async def test_timeout_of_a_middleware_includes_the_wrapped_handlers(
    site: Site, waits: str
) -> None:
    files = {
        "app/request.py": f"""
            import asyncio

            timeout = 0.05

            async def middleware(request, next):
                {waits}
                return await next(request)
            """,
        "app/a/get.py": "import asyncio\nasync def get(client): await asyncio.Event().wait()",
        "app/b/get.py": "async def get(client): return 'right'",
    }
    client = await site.start(files)

    assert (await client.http("GET /a")).status_code == 408
    other = await client.http("GET /b")
    assert other.status_code == (200 if waits == "pass" else 408)


async def test_timeout_of_a_verb_that_is_a_middleware_responds_408(site: Site) -> None:
    text = """
        import asyncio

        timeout = 0.05

        async def middleware(request, next):
            await asyncio.Event().wait()
        """
    client = await site.start({"app/a/get.py": text})

    assert (await client.http("GET /a")).status_code == 408


GROUP = """
import asyncio

async def {stage}(client):
    async def end():
        {first}

    async def other():
        {second}

    async with asyncio.TaskGroup() as group:
        group.create_task(end())
        group.create_task(other())
    return "after"
"""


def grouped(stage: str, first: str, second: str = "await asyncio.Event().wait()") -> str:
    return GROUP.format(stage=stage, first=first, second=second)


@pytest.mark.parametrize("around", [{}, {"app/request.py": GOES_ON}], ids=["plain", "around"])
async def test_end_in_a_task_group_ends_the_chain(site: Site, around: dict[str, str]) -> None:
    files = {
        **around,
        "app/a/get.py": grouped("get", "client.end('ended', 203)"),
        "app/b/get.py": grouped("get", "client.redirect('/x')", "client.redirect('/x')"),
        "app/b/end.py": "async def end(client): client.headers['X-End'] = '1'",
        "app/c/get.py": "async def get(client): client.error(403)",
        "app/c/end.py": grouped("end", "client.end('ended')"),
        "app/c/error.py": grouped("error", "client.end('error')"),
    }
    client = await site.start(files)

    ended = await client.http("GET /a")
    assert (ended.status_code, ended.content) == (203, "ended")
    redirect = await client.http("GET /b")
    assert (redirect.status_code, redirect.headers["Location"]) == (302, "/x")
    assert redirect.headers["X-End"] == "1"
    failed = await client.http("GET /c")
    assert (failed.status_code, failed.content) == (403, "error")


async def test_another_exception_of_a_task_group_precedes_end(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    both = grouped("get", "client.end('ended')", "raise ValueError('other')")
    files = {
        "app/a/get.py": both,
        "app/b/get.py": grouped("get", "raise KeyError('single')"),
        "app/error.py": "async def error(client): return repr(client.exception)",
    }
    client = await site.start(files)

    both_failed = await client.http("GET /a")
    assert both_failed.status_code == 500
    assert "ValueError('other')" in both_failed.content
    assert "ChainEnd" not in both_failed.content
    single = await client.http("GET /b")
    assert single.status_code == 500
    assert "KeyError('single')" in single.content


@pytest.mark.parametrize("around", [{}, {"app/request.py": GOES_ON}], ids=["plain", "around"])
async def test_extension_may_end_while_it_renders(
    site: Site, around: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    def render(client: Client, data: Any) -> Any:
        if data == "move":
            client.redirect("/x")
        if data == "end":
            client.end("ended", 203)
        if data == "again":
            client.end("again")
        return data

    files = {
        **around,
        **{
            f"app/{data}.own/get.py": f"async def get(client): return {data!r}"
            for data in ("move", "end", "again", "plain")
        },
        "app/ended.own/get.py": "async def get(client): client.end('end')",
    }
    web = WebBundle(extensions=[Extension("own", "text/own", render)])
    client = await site.start(files, bundles=[web])

    moved = await client.http("GET /move.own")
    assert (moved.status_code, moved.headers["Location"]) == (302, "/x")
    for name in ("end", "ended"):
        ended = await client.http(f"GET /{name}.own")
        assert (ended.status_code, ended.content) == (203, "ended")
    assert (await client.http("GET /plain.own")).content == "plain"
    assert (await client.http("GET /again.own")).status_code == 500
    assert "render of the extension 'own' calls client.end()" in caplog.text


async def test_lazy_that_ends_is_not_an_error(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    files = {
        "app/get.py": "async def get(client): return 'x'",
        "app/lazy.py": "async def lazy(client): client.end('late')",
    }
    client = await site.start(files)

    assert (await client.http("GET /")).content == "x"
    assert not [each for each in caplog.records if each.levelname == "ERROR"]
