"""Revisions on each of the supported databases."""

import asyncio

import pytest
from sqlalchemy import text

from bundles.resources.database.engines import new_engine
from bundles.resources.migrations.migration_lock import migration_lock
from bundles.resources.migrations.migrations import Migrations
from bundles.resources.migrations.target import Target
from bundles.resources.settings import DatabaseSettings
from rxkernel.cli import main
from tests.bundles.resources.migrations.shop import ACCOUNT, HEAD, TASK, Shop
from tests.bundles.resources.servers import TestDatabase
from tests.waiting import until

NAMED = ACCOUNT.replace("String(20)", "String(40)") + (
    "    email: Mapped[str | None] = mapped_column(String(80), index=True)\n"
)

EVERY_HEAD = (
    """\
import enum
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON, BigInteger, CheckConstraint, DateTime, Enum, ForeignKeyConstraint, Index, LargeBinary,
    Numeric, String, Text, UniqueConstraint, func, text, true,
)

"""
    + HEAD
)

EVERY_TYPE = """

class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Shelf(Base):
    __tablename__ = "shelf"
    row: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    place: Mapped[str] = mapped_column(String(10), primary_key=True)


class Thing(Base):
    __tablename__ = "thing"
    __table_args__ = (
        ForeignKeyConstraint(
            ["shelf_row", "shelf_place"], ["shelf.row", "shelf.place"], ondelete="SET NULL"
        ),
        UniqueConstraint("code", "color"),
        CheckConstraint("amount >= 0", name="amount"),
        Index(None, "made", "code"),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(10), index=True)
    color: Mapped[Color] = mapped_column(Enum(Color, native_enum=False, length=10))
    amount: Mapped[Decimal] = mapped_column(Numeric(10, 2), server_default=text("0"))
    big: Mapped[int | None] = mapped_column(BigInteger)
    is_new: Mapped[bool] = mapped_column(server_default=true())
    weight: Mapped[float | None]
    made: Mapped[date | None]
    at: Mapped[time | None]
    lasts: Mapped[timedelta | None]
    changed: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.current_timestamp()
    )
    note: Mapped[str | None] = mapped_column(Text)
    data: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    picture: Mapped[bytes | None] = mapped_column(LargeBinary)
    shelf_row: Mapped[int | None]
    shelf_place: Mapped[str | None] = mapped_column(String(10))
"""


@pytest.fixture
def shop_anywhere(shop: Shop, any_database: TestDatabase) -> Shop:
    shop.use(any_database.url)
    return shop


def test_revisions_are_applied_compared_and_reverted(shop_anywhere: Shop) -> None:
    shop = shop_anywhere
    first = shop.revise("Create the tables")
    shop.run("upgrade")
    assert shop.run("check") == "No differences.\n"

    shop.declare(NAMED)
    second = shop.revise("Change the tables")
    assert shop.run("upgrade").splitlines() == [
        f"Applied {second}: Change the tables",
        f"The database is at {second}, no revisions are pending.",
    ]
    assert shop.run("check") == "No differences.\n"

    shop.run("downgrade", first)
    shop.declare(ACCOUNT, TASK)
    shop.revision(second).unlink()
    assert shop.run("check") == "No differences.\n"


def test_check_finds_no_difference_in_tables_of_revision(shop_anywhere: Shop) -> None:
    """A check that reports tables that it has just created would be useless in CI."""
    shop = shop_anywhere
    shop.declare(EVERY_TYPE, head=EVERY_HEAD)
    shop.revise("Create the tables")
    shop.run("upgrade")

    assert shop.run("check") == "No differences.\n"
    assert shop.run("revision", "-m", "Again") == "No differences.\n"
    shop.run("downgrade", "base")
    assert shop.run("upgrade").endswith("no revisions are pending.\n")


def test_sql_of_a_revision_has_the_dialect_of_the_database(shop_anywhere: Shop) -> None:
    shop_anywhere.revise("Create the tables")

    printed = shop_anywhere.run("upgrade", "--sql")

    assert ("SERIAL" in printed) is ("postgresql" in shop_anywhere.url)
    assert ("AUTO_INCREMENT" in printed) is ("mariadb" in shop_anywhere.url)


def test_error_in_a_revision_reports_which_changes_remain(shop_anywhere: Shop) -> None:
    """MariaDB commits before and after each statement that changes a table."""
    shop = shop_anywhere
    first = shop.revise("Create the tables")
    file = shop.revision(first)
    file.write_text(file.read_text().replace("    # ### end", '    op.execute("SELEC")\n    #', 1))

    printed = shop.run("upgrade", exit_code=2)
    assert ("; nothing has changed" in printed) is ("mariadb" not in shop.url)
    assert ("; MariaDB keeps what this revision did" in printed) is ("mariadb" in shop.url)

    file.write_text(file.read_text().replace('op.execute("SELEC")', ""))
    shop.run("upgrade", exit_code=2 if "mariadb" in shop.url else 0)


async def test_concurrent_upgrades_apply_once(shop_anywhere: Shop) -> None:
    """Two replicas start at the same time: one applies the revisions, the other does nothing."""
    first = await asyncio.to_thread(shop_anywhere.revise, "Create the tables")
    waiting: list[str] = []
    printed: list[str] = []

    async def upgrade(target: Target) -> None:
        async with target.changing(lambda: waiting.append("waits")) as connection:
            await connection.run_sync(
                lambda c: Migrations(c, target.files, target.models, printed.append).upgrade(
                    "head"
                )
            )

    async with asyncio.TaskGroup() as replicas, shop_anywhere.target().changing(pytest.fail):
        for _ in range(2):
            replicas.create_task(upgrade(shop_anywhere.target()))
        await until(lambda: len(waiting) == 2)
        assert printed == []

    assert printed == [f"Applied {first}: Create the tables"]


async def test_upgrade_command_reports_that_it_waits(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    first = await asyncio.to_thread(shop.revise, "Create the tables")
    printed: list[str] = []

    def lines() -> list[str]:
        printed.extend(capsys.readouterr().out.splitlines())
        return printed

    async with shop.target().changing(pytest.fail):
        command = ["--app", "shop_with_tables", "db", "upgrade"]
        upgrade = asyncio.create_task(asyncio.to_thread(main, command, standalone_mode=False))
        await until(lines)
    await upgrade

    assert lines() == [
        "Waiting: another process is changing the database.",
        f"Applied {first}: Create the tables",
        f"The database is at {first}, no revisions are pending.",
    ]


async def test_lock_ends_with_its_connection(any_database: TestDatabase) -> None:
    """A process that was killed must not stop all later upgrades."""
    engine = new_engine(DatabaseSettings(url=any_database.url), "url")
    dead = await engine.connect()
    await migration_lock(dead, lambda: pytest.fail("the lock is free")).__aenter__()
    await dead.invalidate()
    await dead.close()

    async with engine.connect() as connection, migration_lock(connection, lambda: None):
        assert await connection.scalar(text("SELECT 1")) == 1
    await engine.dispose()
