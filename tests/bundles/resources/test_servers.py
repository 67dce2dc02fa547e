"""The databases of the tests are empty and usable."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.bundles.resources.servers import TestDatabase


async def test_database_of_any_kind_executes_statements(any_database: TestDatabase) -> None:
    engine = create_async_engine(any_database.url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE note (id INTEGER PRIMARY KEY)"))
        await connection.execute(text("INSERT INTO note VALUES (1)"))
        assert await connection.scalar(text("SELECT id FROM note")) == 1
    await engine.dispose()
