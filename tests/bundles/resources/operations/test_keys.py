"""Text keys are compared exactly on every database."""

import attrs
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bundles.resources import (
    BulkRemove,
    Create,
    Database,
    Get,
    Patch,
    Remove,
    Repository,
    Resource,
    Update,
)
from rxkernel import KernelClient
from tests.bundles.resources.articles import application, create_tables
from tests.bundles.resources.servers import TestDatabase


class Base(DeclarativeBase):
    pass


class Word(Base):
    __tablename__ = "word"

    text: Mapped[str] = mapped_column(String(20), primary_key=True)
    note: Mapped[str] = mapped_column(String(20), default="")


@attrs.frozen
class WordView:
    text: str
    note: str


@attrs.frozen
class NewWord:
    text: str


@attrs.frozen
class WordNote:
    note: str


class Words(Resource[Word], path="/words", name="word"):
    operations = (
        Get(),
        Create(NewWord),
        Update(WordNote),
        Patch(WordNote),
        Remove(),
        BulkRemove(),
    )
    view = WordView


class WordList(Repository[Word]):
    pass


async def test_keys_of_text_are_compared_exactly(any_database: TestDatabase) -> None:
    app = await create_tables(application(any_database.url, Words, base=Base))
    async with KernelClient(app) as client:
        await client.http("word_create", body={"text": "abc"})
        note = {"note": "x"}
        others = ["ABC", "abc ", "äbc", "a\0b", "\ud800"]

        for other in others:
            key = {"id": other}
            statuses = [
                (await client.websocket("word_get", params=key)).status_code,
                (await client.websocket("word_update", params=key, body=note)).status_code,
                (await client.websocket("word_remove", params=key)).status_code,
            ]
            assert statuses == [404, 404, 404], other
        patched = await client.websocket("word_patch", params={"ids": others}, body=note)
        removed = await client.websocket("word_bulk_remove", params={"ids": others})
        assert [each.headers["X-Count"] for each in (patched, removed)] == ["0", "0"]

        patched = await client.websocket("word_patch", params={"ids": ["ABC", "abc"]}, body=note)
        assert patched.headers["X-Count"] == "1"
        async with app.injector.get(Database).session() as session:
            words = WordList(session)
            assert [await words.find(each) for each in others] == [None] * len(others)
            assert await words.find("abc") is not None
        found = await client.http("word_get", params={"id": "abc"})
        assert found.content == WordView("abc", "x")
