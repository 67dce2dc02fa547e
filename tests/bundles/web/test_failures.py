"""Requests that fail: what was begun ends, and the first error counts."""

import asyncio

import pytest

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
        assert old.uses.count == 0
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


async def test_failure_of_end_in_a_failed_chain_is_logged_and_the_first_error_counts(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    files = {
        "app/end.py": "async def end(client): raise ValueError('end failed')",
        "app/a/get.py": "async def get(client): client.error(403)",
        "app/b/get.py": "async def get(client): return 'right'",
    }
    client = await site.start(files)

    assert (await client.http("GET /a")).status_code == 403
    assert "the handler end of GET /a has failed" in caplog.text
    assert "end failed" in caplog.text
    assert (await client.http("GET /b")).status_code == 500


async def test_middleware_that_fails_keeps_its_error_when_end_fails_too(
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
    assert "the handler end of GET /a has failed" in caplog.text


async def test_end_that_ends_is_a_response_for_the_middleware_around_it(site: Site) -> None:
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
async def test_middleware_that_goes_on_twice_is_an_error_and_end_runs_once(
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
async def test_timeout_of_a_middleware_limits_it_and_what_it_goes_around(
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


async def test_timeout_of_a_verb_that_is_a_middleware_is_that_of_the_contract(site: Site) -> None:
    text = """
        import asyncio

        timeout = 0.05

        async def middleware(request, next):
            await asyncio.Event().wait()
        """
    client = await site.start({"app/a/get.py": text})

    assert (await client.http("GET /a")).status_code == 408
