"""SQLAlchemy's `AsyncSession`, bound as applications bind it, with a real SQLite."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, NewType

import pytest
import pytest_asyncio
from injector import Binder, InstanceProvider, Module, inject, provider, singleton
from sqlalchemy import event, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import StaticPool

from rxkernel import ConflictException, Inject, Request, http, request_scope, websocket
from rxkernel.pytest_plugin import ClientOf

ReadOnlySession = NewType("ReadOnlySession", AsyncSession)
Sessions = async_sessionmaker[AsyncSession]


class Base(DeclarativeBase):
    pass


class Article(Base):
    __tablename__ = "article"
    slug: Mapped[str] = mapped_column(primary_key=True)


class Repository:
    @inject
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, slug: str) -> None:
        self._session.add(Article(slug=slug))
        await self._session.flush()


class Database(Module):
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    def configure(self, binder: Binder) -> None:
        sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        binder.bind(Sessions, to=InstanceProvider(sessions))
        binder.bind(Repository, scope=request_scope)
        binder.bind(ReadOnlySession, to=sessions, scope=request_scope)  # type: ignore[arg-type]

    @request_scope
    @provider
    @asynccontextmanager
    async def session(self, sessions: Sessions) -> AsyncIterator[AsyncSession]:
        try:
            async with sessions.begin() as session:
                yield session
        except IntegrityError as exc:
            raise ConflictException("already exists") from exc


class Articles:
    @http("POST", "/articles/{slug}", "article_add")
    @websocket("article_add")
    async def add(
        self,
        slug: str,
        repository: Annotated[Repository, Inject()],
        session: Annotated[AsyncSession, Inject()],
        fails: bool = False,
    ) -> bool:
        await repository.add(slug)
        if fails:
            raise LookupError("after the insert")
        return session.in_transaction()

    @http("POST", "/late/{slug}", "article_add_late")
    async def add_late(self, slug: str, session: Annotated[AsyncSession, Inject()]) -> None:
        session.add(Article(slug=slug))  # rejected by the commit

    @http("GET", "/articles", "article_find")
    async def find(self, request: Request) -> list[str]:
        session = await request.get(ReadOnlySession)
        return list(await session.scalars(select(Article.slug)))


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine("sqlite+aiosqlite://", poolclass=StaticPool)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield engine
    await engine.dispose()


async def test_session_commits_success_and_rolls_back_failure(
    client_of: ClientOf, engine: AsyncEngine
) -> None:
    client = client_of(Articles, modules=[Database(engine)])

    assert (await client.http("article_add", params={"slug": "a"})).content is True
    assert (await client.websocket("article_add", params={"slug": "b"})).content is True
    failed = await client.http("article_add", params={"slug": "c", "fails": True})
    assert failed.status_code == 500

    assert (await client.http("article_find")).content == ["a", "b"]


async def test_session_commit_failure_is_the_response(
    client_of: ClientOf, engine: AsyncEngine
) -> None:
    client = client_of(Articles, modules=[Database(engine)])

    await client.http("article_add_late", params={"slug": "a"})
    response = await client.http("article_add_late", params={"slug": "a"})

    assert response.content == {"statusCode": 409, "message": "already exists"}


@pytest.mark.parametrize("how", ["factory", "lambda", "begin"])
async def test_session_factory_can_be_bound_directly(
    client_of: ClientOf, engine: AsyncEngine, how: str
) -> None:
    sessions = async_sessionmaker(engine)
    to: Any = {
        "factory": sessions,
        "lambda": lambda: AsyncSession(engine),
        "begin": sessions.begin,
    }[how]
    rolled_back: list[Any] = []
    event.listen(engine.sync_engine, "rollback", rolled_back.append)

    def configure(binder: Binder) -> None:
        binder.bind(AsyncSession, to=to, scope=request_scope)

    class Sessioned:
        @http("GET", "/", "sessioned")
        async def act(self, session: Annotated[AsyncSession, Inject()]) -> str:
            await session.execute(select(Article))
            return type(session).__name__

    client = client_of(Sessioned, modules=[configure])

    assert (await client.http("sessioned")).content == "AsyncSession"
    assert len(rolled_back) == (0 if how == "begin" else 1)


async def test_engine_of_plain_provider_is_a_singleton(
    client_of: ClientOf, engine: AsyncEngine
) -> None:
    def configure(binder: Binder) -> None:
        binder.bind(AsyncEngine, to=engine, scope=singleton)

    class Engines:
        @http("GET", "/", "engine")
        async def act(self, found: Annotated[AsyncEngine, Inject()]) -> bool:
            return found is engine

    assert (await client_of(Engines, modules=[configure]).http("engine")).content is True
