"""The sessions of messages of the bundle `resources`, compared with handwritten ones."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import attrs
from injector import Binder
from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from benchmarks.report import Table
from bundles.resources import ResourcesBundle, ResourcesSettings
from rxkernel import Application, Inject, Request, Settings, request_scope
from rxkernel import http as http_route

Call = Callable[[], Awaitable[Any]]

_ROWS = 50

_PRAGMAS = ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON")
"""The pragmas of the bundle, used for both."""


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "note"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


@attrs.frozen
class NoteView:
    id: int
    text: str


class Bundled:
    @http_route("GET", "/none", "none")
    async def none(self, request: Request) -> dict[str, str]:
        return {}

    @http_route("GET", "/notes", "list")
    async def list(self, session: AsyncSession) -> "list[NoteView]":
        found = await session.scalars(select(Note).order_by(Note.id).limit(_ROWS))
        return [NoteView(note.id, note.text) for note in found]

    @http_route("POST", "/notes", "create")
    async def create(self, session: AsyncSession) -> NoteView:
        session.add(note := Note(text="new"))
        await session.flush()
        return NoteView(note.id, note.text)


class ByHand:
    @http_route("GET", "/none", "none")
    async def none(self, request: Request) -> dict[str, str]:
        return {}

    @http_route("GET", "/notes", "list")
    async def list(self, session: Annotated[AsyncSession, Inject()]) -> "list[NoteView]":
        return await Bundled().list(session)

    @http_route("POST", "/notes", "create")
    async def create(self, session: Annotated[AsyncSession, Inject()]) -> NoteView:
        return await Bundled().create(session)


def _engine(folder: str) -> AsyncEngine:
    engine = create_async_engine(f"sqlite+aiosqlite:///{folder}/by-hand.sqlite3")

    @event.listens_for(engine.sync_engine, "connect")
    def _connect(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


def _calls(application: Application, method: dict[str, str]) -> dict[str, Call]:
    definitions = application.kernel.http_definitions

    def call(name: str) -> Call:
        handle = definitions[name].handler
        return lambda: handle(Request("HTTP", method=method[name]))

    return {name: call(name) for name in method}


async def databases(*, rounds: int = 20, calls: int = 200) -> Table:
    """Measure the processor time of the process, including the thread of SQLite."""
    table = Table(
        "Sessions of messages, in process, with SQLite",
        {"message": "", "bundle, CPU µs": ".0f", "by hand, CPU µs": ".0f", "ratio": ".2f"},
        f"The best of {rounds} interleaved rounds of {calls} calls.",
    )
    with TemporaryDirectory() as folder:
        engine = _engine(folder)
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        sessions = async_sessionmaker(engine, expire_on_commit=False)

        def configure(binder: Binder) -> None:
            binder.bind(AsyncSession, to=sessions.begin, scope=request_scope)  # type: ignore[arg-type]

        url = f"sqlite+aiosqlite:///{Path(folder, 'bundle.sqlite3')}"
        settings = Settings(bundles={"resources": ResourcesSettings(url=url)})
        bundled = Application(
            bundles=[ResourcesBundle(Base)], controllers=[Bundled], settings=settings
        )
        by_hand = Application(controllers=[ByHand], modules=[configure])
        methods = {"none": "GET", "list": "GET", "create": "POST"}
        async with bundled, by_hand:
            sides = (_calls(bundled, methods), _calls(by_hand, methods))
            best = await _best(sides, rounds, calls)
        await engine.dispose()
    titles = {"none": "without a session", "list": f"a list of {_ROWS}", "create": "an insert"}
    for name, title in titles.items():
        ours, theirs = best[0][name], best[1][name]
        table.add(title, ours * 1e6, theirs * 1e6, ours / theirs)
    return table


async def _best(
    sides: tuple[dict[str, Call], ...], rounds: int, calls: int
) -> list[dict[str, float]]:
    best = [dict.fromkeys(side, float("inf")) for side in sides]
    for side in sides:
        for _ in range(_ROWS):
            await side["create"]()
    for _ in range(rounds):
        for name in sides[0]:
            for side, found in zip(sides, best, strict=True):
                begin = time.process_time()
                for _ in range(calls):
                    await side[name]()
                found[name] = min(found[name], (time.process_time() - begin) / calls)
    return best
