"""Endpoints of the bundle `autoload` with sessions of the database."""

from pathlib import Path

import pytest
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bundles.resources import Repository, ResourcesBundle, ResourcesSettings
from rxkernel import KernelClient
from tests.bundles.autoload.conftest import Folder


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "note"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


class Notes(Repository[Note]):
    """The notes."""


ADD = """
from sqlalchemy.ext.asyncio import AsyncSession

from bundles.resources import AfterCommit
from tests.bundles.resources.test_autoload import Note

access = "public"

async def method(text: str, session: AsyncSession, after: AfterCommit) -> int:
    session.add(note := Note(text=text))
    after.emit("added", text)
    await session.flush()
    return note.id
"""

COUNT = """
from tests.bundles.resources.test_autoload import Notes

access = "public"

async def method(notes: Notes) -> int:
    return await notes.count()
"""


@pytest.fixture
async def client(tmp_path: Path) -> KernelClient:
    (tmp_path / "application").mkdir()
    folder = Folder(tmp_path / "application")
    application = await folder.boot(
        {"api/note/add.py": ADD, "api/note/count.py": COUNT},
        bundles=[ResourcesBundle(Base)],
        sections={"resources": ResourcesSettings(url=f"sqlite+aiosqlite:///{tmp_path}/a.sqlite3")},
    )
    return KernelClient(application)


async def test_endpoint_writes_in_the_session_of_its_message(client: KernelClient) -> None:
    async with client, client.connection() as connection:
        assert (await client.http("note/add", body={"text": "tea"})).content == 1
        assert connection.emitted == [("added", ("tea",))]
        assert (await client.http("note/count", body={})).content == 1
