"""The page cache, by a controller that uses it as a chain of handlers does."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bundles.web.page_cache.lifetime import seconds_of
from rxkernel import (
    ForbiddenException,
    HeadEvent,
    KernelEvents,
    Request,
    Response,
    ResponseEvent,
    StreamResponse,
)
from tests.bundles.web.page_cache.pages import PagesSite, pages_site
from tests.waiting import until


@pytest.fixture
async def site() -> AsyncIterator[PagesSite]:
    async with pages_site() as site:
        yield site


async def test_page_is_status_headers_and_body_of_the_first_run(site: PagesSite) -> None:
    def make(request: Request) -> Response:
        response = Response("body", 203, {"X-Own": "1", "Content-Type": "text/html"})
        response.headers.add("X-Own", "2")
        response.set_etag()
        return response

    site.make = make

    first, second = await site.get(), await site.get()

    for response in (first, second):
        assert (response.status_code, response.content) == (203, "body")
        assert response.headers.getall("X-Own") == ["1", "2"]
        assert response.headers["Content-Type"] == "text/html"
        assert response.etag_from_body == "strong"
    assert site.runs == 1


@pytest.mark.parametrize("status", [400, 403, 404, 410, 429, 499, 500])
async def test_page_of_an_error_is_not_kept(site: PagesSite, status: int) -> None:
    site.make = lambda request: Response(f"run {site.runs}", status)

    assert [(await site.get()).content for _ in range(2)] == ["run 1", "run 2"]
    assert len(site.pages) == 0


async def test_page_of_a_redirect_is_kept(site: PagesSite) -> None:
    site.make = lambda request: Response(None, 302, {"Location": f"/{site.runs}"})

    assert [(await site.get()).headers["Location"] for _ in range(2)] == ["/1", "/1"]


async def test_page_expires_after_its_lifetime(site: PagesSite) -> None:
    site.lifetime = "1m 30s"
    await site.get()

    site.clock.time += 89
    assert (await site.get()).content == "run 1"
    site.clock.time += 1
    assert (await site.get()).content == "run 2"
    assert len(site.pages) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"params": {"a": "1"}}, {"params": {"a": "2"}}),
        ({}, {"params": {"a": ""}}),
        ({"headers": {"Host": "a.example"}}, {"headers": {"Host": "b.example"}}),
        ({"headers": {"Accept": "text/html"}}, {"headers": {"Accept": "application/json"}}),
        ({}, {"headers": {"Accept-Language": "uk"}}),
    ],
    ids=["query", "no query", "host", "accept", "language"],
)
async def test_page_is_not_shared_by_different_requests(
    site: PagesSite, first: dict[str, Any], second: dict[str, Any]
) -> None:
    """Impress of 2015 kept one page for all queries and users."""
    contents = [(await site.get(**options)).content for options in (first, second) * 2]

    assert contents == ["run 1", "run 2", "run 1", "run 2"]


async def test_page_varies_by_the_headers_in_vary(site: PagesSite) -> None:
    site.make = lambda request: Response(
        request.headers.get("X-Color", "none"), headers={"Vary": "Origin, X-Color"}
    )

    colors = ["red", "blue", "red", "blue", "blue"]
    contents = [(await site.get(headers={"X-Color": color})).content for color in colors]

    assert contents == colors
    assert site.runs <= 3, "the first page is found again, unless a name of Vary was new"


async def test_page_is_not_shared_by_different_users(site: PagesSite) -> None:
    class Token:
        def __init__(self, identifier: str | None, roles: frozenset[str] = frozenset()) -> None:
            self.user = self.identifier = identifier
            self.roles = roles

    tokens = [Token("a"), Token("b"), Token("a", frozenset({"admin"})), None]
    given = iter(tokens * 2)

    async def authenticate(event: HeadEvent) -> None:
        event.request.token = next(given)

    site.client.dispatcher.add_listener(KernelEvents.KERNEL_HEAD, authenticate)

    contents = [(await site.get()).content for _ in range(8)]

    assert contents == [f"run {n}" for n in (1, 2, 3, 4)] * 2


async def test_page_of_user_without_identifier_is_not_kept(site: PagesSite) -> None:
    class Token:
        user = "someone"

    async def authenticate(event: HeadEvent) -> None:
        event.request.token = Token()

    await site.get()
    site.client.dispatcher.add_listener(KernelEvents.KERNEL_HEAD, authenticate)

    assert [(await site.get()).content for _ in range(2)] == ["run 2", "run 3"]


async def test_page_of_post_is_not_kept(site: PagesSite) -> None:
    assert [(await site.get("post")).content for _ in range(2)] == ["run 1", "run 2"]


async def test_page_with_lifetime_0_is_not_kept(site: PagesSite) -> None:
    site.lifetime = 0

    assert [(await site.get()).content for _ in range(2)] == ["run 1", "run 2"]


def _cookie(request: Request) -> Response:
    response = Response("x")
    response.set_cookie("a", "b")
    return response


async def _pieces() -> AsyncIterator[bytes]:
    yield b"x"


@pytest.mark.parametrize(
    "make",
    [
        _cookie,
        lambda request: Response("x", headers={"Vary": "*"}),
        lambda request: StreamResponse(_pieces()),
        lambda request: Response("x", 500),
        lambda request: Response("x", 206),
        lambda request: Response("x", 304),
        lambda request: Response("x" * 1_000_000),
    ],
    ids=["cookie", "vary", "stream", "500", "206", "304", "large"],
)
async def test_page_that_cannot_be_sent_again_is_not_kept(site: PagesSite, make: Any) -> None:
    site.make = make

    for _ in range(2):
        response = await site.get()
        if isinstance(response, StreamResponse):
            assert [piece async for piece in response.content] == [b"x"]

    assert (site.runs, len(site.pages), site.pages.size) == (2, 0, 0)


async def test_page_to_which_a_listener_adds_a_cookie_is_not_kept(site: PagesSite) -> None:
    """For example, the cookie of a new session is set after the handlers."""

    async def add(event: ResponseEvent) -> None:
        async def call(response: Response) -> None:
            response.set_cookie("sid", "secret")

        event.request.before_sending(call)

    site.client.dispatcher.add_listener(KernelEvents.KERNEL_REQUEST, add)

    assert [(await site.get()).content for _ in range(2)] == ["run 1", "run 2"]


async def test_page_is_without_the_headers_of_listeners(site: PagesSite) -> None:
    async def add(event: ResponseEvent) -> None:
        event.response.headers.add("X-Number", "1")

    site.client.dispatcher.add_listener(KernelEvents.KERNEL_RESPONSE, add)

    for _ in range(3):
        assert (await site.get()).headers.getall("X-Number") == ["1"]


async def test_page_of_value_is_its_json_of_the_first_run(site: PagesSite) -> None:
    data = [1]
    site.make = lambda request: Response(data, headers={"X-Own": "1"})
    await site.get()
    data.append(2)

    second = await site.get()

    assert second.content == b"[1]"
    assert second.headers["Content-Type"] == "application/json"


async def test_page_of_bytearray_keeps_the_bytes_of_the_first_run(site: PagesSite) -> None:
    data = bytearray(b"a")
    site.make = lambda request: Response(data)
    await site.get()
    data[0] = 0

    assert (await site.get()).content == b"a"


async def test_page_that_cannot_be_encoded_is_an_error(site: PagesSite) -> None:
    site.make = lambda request: Response([object()])

    assert (await site.get()).status_code == 500
    assert len(site.pages) == 0


async def test_pages_are_limited_in_number_and_the_one_used_last_stays() -> None:
    async with pages_site(entries=2) as site:
        for a in ("1", "2", "1", "3"):
            await site.get(params={"a": a})

        assert (await site.get(params={"a": "1"})).content == "run 1"
        assert (await site.get(params={"a": "2"})).content == "run 4"
        assert len(site.pages) == 2


async def test_pages_are_limited_in_bytes() -> None:
    async with pages_site(size=100_000) as site:
        site.make = lambda request: Response("x" * 30_000)
        for a in range(50):
            await site.get(params={"a": str(a)})

        assert len(site.pages) == 3
        assert 90_000 < site.pages.size <= 100_000


async def test_pages_clear_removes_all_and_drops_pages_of_current_runs(site: PagesSite) -> None:
    await site.get(params={"a": "1"})
    site.gate.clear()
    running = asyncio.create_task(site.get())
    await until(lambda: site.runs == 2)

    site.pages.clear()
    site.gate.set()
    await running

    assert (len(site.pages), site.pages.size, site.pages.routes) == (0, 0, {})
    assert (await site.get()).content == "run 3"


async def test_page_concurrent_first_requests_share_one_run(site: PagesSite) -> None:
    site.gate.clear()
    requests = [asyncio.create_task(site.get()) for _ in range(20)]
    await until(lambda: site.finds == 19)

    site.gate.set()
    contents = {(await request).content for request in requests}

    assert (contents, site.runs) == ({"run 1"}, 1)


async def test_page_of_concurrent_runs_is_the_last_response(
    site: PagesSite,
) -> None:
    site.is_late = True
    site.gate.clear()
    requests = [asyncio.create_task(site.get()) for _ in range(3)]
    await until(lambda: site.runs == 3)
    site.gate.set()

    assert {(await request).content for request in requests} == {"run 3"}
    assert (await site.get()).content == "run 3"
    assert (site.runs, len(site.pages)) == (3, 1)


async def test_page_requests_that_wait_for_a_failed_run_run_themselves(site: PagesSite) -> None:
    site.gate.clear()
    requests = [asyncio.create_task(site.get()) for _ in range(3)]
    await until(lambda: site.finds == 2)

    def fail_first(request: Request) -> Response:
        if site.runs == 1:
            raise ForbiddenException
        return Response("page")

    site.make = fail_first
    site.gate.set()

    statuses = sorted([(await request).status_code for request in requests])
    assert statuses == [200, 200, 403]
    assert (await site.get()).content == "page"


async def test_page_request_that_waits_may_be_cancelled(site: PagesSite) -> None:
    site.gate.clear()
    first = asyncio.create_task(site.get())
    await until(lambda: site.runs)
    second = asyncio.create_task(site.get())
    await until(lambda: site.finds)

    second.cancel()
    await asyncio.wait({second})
    site.gate.set()

    assert (await first).content == (await site.get()).content == "run 1"


@pytest.mark.parametrize(
    ("lifetime", "seconds"), [(0, 0), (2.5, 2.5), ("10m", 600), ("1d 1h", 90_000), ("0s", 0)]
)
def test_lifetime_in_each_form_is_read_as_seconds(lifetime: Any, seconds: float) -> None:
    assert seconds_of(lifetime) == seconds


@pytest.mark.parametrize(
    "lifetime",
    [
        -1,
        True,
        None,
        "",
        "10",
        "10 minutes",
        "-5s",
        float("nan"),
        float("inf"),
        "9" * 12 + "d",
        [],
    ],
    ids=repr,
)
def test_lifetime_invalid_raises_value_error(lifetime: Any) -> None:
    with pytest.raises(ValueError, match="write a number of seconds, 0 or more, or") as caught:
        seconds_of(lifetime)
    assert type(caught.value) is ValueError, "a ValidationError would be a 422"
