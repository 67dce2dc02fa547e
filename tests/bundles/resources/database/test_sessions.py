"""The session of a message: opened on first use, committed before the response."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bundles.resources import AfterCommit, Database, unit_of_work
from rxkernel import (
    KernelEvents,
    Request,
    Response,
    ResponseEvent,
    StreamResponse,
    both,
    http,
)
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.articles import Article, application


class Articles:
    @both("POST", "/articles/{slug}", "article_add")
    async def add(self, slug: str, session: AsyncSession, fails: bool = False) -> int:
        session.add(article := Article(slug=slug))
        await session.flush()
        if fails:
            raise LookupError("after the insert")
        return article.id

    @http("GET", "/articles", "article_list")
    async def slugs(self, session: AsyncSession) -> list[str]:
        return list(await session.scalars(select(Article.slug).order_by(Article.id)))

    @http("GET", "/stream", "article_stream")
    async def stream(self, session: AsyncSession) -> StreamResponse:
        async def lines() -> AsyncIterator[bytes]:
            async for slug in await session.stream_scalars(select(Article.slug)):
                yield slug.encode()

        return StreamResponse(lines())


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path}/new/app.sqlite3"


async def test_session_commits_success_and_rolls_back_failure(
    client_of: ClientOf, url: str
) -> None:
    client = client_of(application(url, Articles))

    assert (await client.http("article_add", params={"slug": "a"})).content == 1
    assert (await client.websocket("article_add", params={"slug": "b"})).content == 2
    failed = await client.http("article_add", params={"slug": "c", "fails": True})
    assert failed.status_code == 500

    assert (await client.http("article_list")).content == ["a", "b"]


async def test_session_is_committed_before_response_listeners(
    client_of: ClientOf, url: str
) -> None:
    client = client_of(application(url, Articles))
    counts: list[int | None] = []

    async def count(event: ResponseEvent) -> None:
        async with unit_of_work(readonly=True) as work:
            counts.append(await work.session.scalar(select(func.count(Article.id))))

    client.dispatcher.add_listener(KernelEvents.KERNEL_RESPONSE, count)
    await client.http("article_add", params={"slug": "a"})

    assert counts == [1]


async def test_session_written_by_response_listener_is_committed(
    client_of: ClientOf, url: str
) -> None:
    client = client_of(application(url, Articles))

    async def add(event: ResponseEvent) -> None:
        if event.request.method == "POST":
            (await event.request.get(AsyncSession)).add(Article(slug="late"))

    client.dispatcher.add_listener(KernelEvents.KERNEL_RESPONSE, add)
    await client.http("article_add", params={"slug": "a"})

    assert (await client.http("article_list")).content == ["a", "late"]


async def test_stream_reads_in_session_of_message(client_of: ClientOf, url: str) -> None:
    client = client_of(application(url, Articles))
    await client.http("article_add", params={"slug": "a"})

    response = await client.http("article_stream")
    assert [piece async for piece in response.content] == [b"a"]

    database = client.application.injector.get(Database)
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


class Broadcasts:
    @both("POST", "/articles/{slug}", "article_add")
    async def add(
        self, slug: str, session: AsyncSession, after: AfterCommit, fails: bool = False
    ) -> None:
        session.add(Article(slug=slug))
        after.emit("article_added", slug)
        if fails:
            raise LookupError

    @both("GET", "/nothing", "nothing")
    async def nothing(self, request: Request) -> Response:
        return Response(request.services is None)


async def test_after_commit_emits_after_success_only(client_of: ClientOf, url: str) -> None:
    client = client_of(application(url, Broadcasts))
    async with client.connection() as connection:
        await client.http("article_add", params={"slug": "a", "fails": True})
        await client.http("article_add", params={"slug": "b"})

        assert connection.emitted == [("article_added", ("b",))]


async def test_message_without_session_opens_nothing(client_of: ClientOf, url: str) -> None:
    client = client_of(application(url, Broadcasts))

    assert (await client.http("nothing")).content is True


async def test_unit_of_work_rolls_back_on_exception(client_of: ClientOf, url: str) -> None:
    client = client_of(application(url, Articles))
    await client.http("article_list")
    database = client.application.injector.get(Database)

    async def fail() -> None:
        async with database.unit_of_work() as work:
            work.session.add(Article(slug="a"))
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    async with database.unit_of_work() as work:
        work.session.add(Article(slug="b"))
    assert (await client.http("article_list")).content == ["b"]


class Nested:
    @http("POST", "/nested", "nested")
    async def nested(self, session: AsyncSession, commits: bool = False) -> None:
        session.add(Article(slug="a"))
        await session.flush()
        if commits:
            await session.commit()
        async with unit_of_work() as work:
            work.session.add(Article(slug="b"))


async def test_unit_of_work_in_message_that_holds_lock_is_an_error_at_once(
    client_of: ClientOf, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(application(url, Articles, Nested))

    assert (await client.http("nested")).status_code == 500
    assert "unit_of_work() waits for the lock for writing" in caplog.text
    assert (await client.http("nested", params={"commits": True})).status_code == 200
    assert (await client.http("article_list")).content == ["a", "b"]
