"""Boot warns if a database is not at the newest revision."""

import asyncio
import logging
import sqlite3
import sys
from contextlib import closing

import pytest

from tests.bundles.resources.migrations.shop import ACCOUNT, Shop

NAMED = ACCOUNT + "    email: Mapped[str | None] = mapped_column(String(80))\n"


def warnings_of_boot(shop: Shop, caplog: pytest.LogCaptureFixture) -> list[str]:
    application = sys.modules["shop_with_tables"].application
    application.load_settings()

    async def boot() -> None:
        async with application:
            pass

    caplog.clear()
    with caplog.at_level(logging.WARNING, "bundles.resources"):
        asyncio.run(boot())
    return [record.getMessage() for record in caplog.records]


def test_pending_revisions_are_one_warning(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.revise("Create the tables")
    (warning,) = warnings_of_boot(shop, caplog)
    assert warning == (
        "database default: 1 revision is pending; run: python -m rxkernel db upgrade"
    )

    shop.run("upgrade")
    assert warnings_of_boot(shop, caplog) == []

    shop.declare(NAMED)
    shop.revise("Add the address")
    assert "1 revision is pending" in warnings_of_boot(shop, caplog)[0]


def test_first_revision_of_tables_that_boot_created_warns_to_stamp(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop.invoke("db", "current")
    assert warnings_of_boot(shop, caplog) == []  # creates the tables
    shop.revise("Create the tables")

    (warning,) = warnings_of_boot(shop, caplog)
    assert warning.startswith("database default: 1 revision is pending, but the tables are those")
    assert warning.endswith("record it: python -m rxkernel db stamp head")

    shop.run("stamp", "head")
    assert warnings_of_boot(shop, caplog) == []
    assert shop.run("check") == "No differences.\n"


def test_boot_with_revisions_has_no_log_lines_of_alembic(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop.revise("Create the tables")
    with caplog.at_level(logging.INFO):
        warnings_of_boot(shop, caplog)
    assert [r.name for r in caplog.records if r.name.startswith("alembic")] == []


def test_database_that_is_newer_than_the_files_is_a_warning(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop.revise("Create the tables")
    shop.run("upgrade")
    with closing(sqlite3.connect(shop.folder / "var/app.sqlite3")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'of-tomorrow'")

    (warning,) = warnings_of_boot(shop, caplog)
    assert warning.startswith("database default: ")
    assert "of-tomorrow" in warning


def test_project_without_revisions_has_no_warning(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop.invoke("db", "current")
    assert warnings_of_boot(shop, caplog) == []
