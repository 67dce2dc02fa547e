"""``rxkernel db``, in a project with SQLite."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.bundles.resources.migrations.shop import ACCOUNT, HEAD, TASK, Shop

NAMED = ACCOUNT + "    email: Mapped[str | None] = mapped_column(String(80))\n"


def query(shop: Shop, *statements: str) -> list[Any]:
    """Run the statements, with foreign keys enforced, and return the rows of the last one."""
    with closing(
        sqlite3.connect(shop.folder / "var/app.sqlite3", isolation_level=None)
    ) as database:
        database.execute("PRAGMA foreign_keys = ON")
        return [database.execute(statement).fetchall() for statement in statements][-1]


def definition_of(shop: Shop, table: str) -> str:
    """The statement that has created *table*."""
    ((found,),) = query(shop, f"SELECT sql FROM sqlite_schema WHERE name = '{table}'")
    return str(found)


def add_rows(shop: Shop) -> None:
    query(
        shop, "INSERT INTO account (id, name) VALUES (1, 'ada')", "INSERT INTO task VALUES (7, 1)"
    )


def test_first_revision_creates_all_tables(shop: Shop) -> None:
    created = shop.run("revision", "-m", "Create the tables")
    (file,) = shop.revisions()

    assert created.splitlines()[:2] == ["add table account", "add table task"]
    assert created.splitlines()[2] == f"Created migrations/{file.name}."
    assert shop.run("current") == "no revision, 1 pending\n"
    id = file.name.split("_")[2]
    assert shop.run("upgrade") == (
        f"Applied {id}: Create the tables\nThe database is at {id}, no revisions are pending.\n"
    )
    add_rows(shop)
    assert query(shop, "SELECT * FROM task") == [(7, 1)]


def test_upgrade_of_newest_database_changes_nothing(shop: Shop) -> None:
    id = shop.revise("Create the tables")
    shop.run("upgrade")

    assert shop.run("upgrade") == f"The database is at {id}, no revisions are pending.\n"


def test_revision_without_difference_writes_no_file(shop: Shop) -> None:
    shop.revise("Create the tables")
    shop.run("upgrade")

    assert shop.run("revision", "-m", "Nothing") == "No differences.\n"
    assert len([*shop.revisions()]) == 1


def test_empty_revision_is_filled_in_by_developer(shop: Shop) -> None:
    shop.revise("Create the tables")
    shop.run("revision", "-m", "Add the first account", "--empty")
    (file,) = (file for file in shop.revisions() if "first_account" in file.name)
    file.write_text(
        file.read_text().replace(
            "pass", "op.execute(\"INSERT INTO account (name) VALUES ('ada')\")", 1
        )
    )

    shop.run("upgrade")

    assert query(shop, "SELECT name FROM account") == [("ada",)]


def test_check_prints_differences_and_exits_with_one(shop: Shop) -> None:
    shop.revise("Create the tables")
    shop.run("upgrade")
    assert shop.run("check") == "No differences.\n"

    shop.declare(NAMED.replace("String(20), unique=True", "String(40), index=True"))

    assert shop.run("check", exit_code=1).splitlines() == [
        "remove table task",
        "add column account.email",
        "change type of account.name: VARCHAR(length=20) to String(length=40)",
        "remove constraint uq_account_name of account (name)",
        "add index ix_account_name of account (name)",
        "The tables differ from the models; write a revision: python -m rxkernel db revision",
    ]


def test_check_before_upgrade_names_the_command(shop: Shop) -> None:
    id = shop.revise("Create the tables")

    assert shop.run("check", exit_code=2) == (
        f"Error: the database is at revision (none), and the newest is {id}; first run: python "
        f"-m rxkernel db upgrade\n"
    )


def test_replaced_table_of_sqlite_keeps_rows_that_refer_to_it(shop: Shop) -> None:
    """SQLite, "Making Other Kinds Of Table Schema Changes": DROP TABLE deletes the rows, and
    those that refer to them, if foreign keys are on."""
    shop.revise("Create the tables")
    shop.run("upgrade")
    add_rows(shop)
    shop.declare(ACCOUNT.replace("String(20)", "String(40)"), TASK)
    shop.revise("Allow longer names")

    shop.run("upgrade")

    assert query(shop, "SELECT * FROM task") == [(7, 1)]
    assert "VARCHAR(40)" in definition_of(shop, "account")


def test_revision_that_leaves_broken_references_is_reverted(shop: Shop) -> None:
    shop.revise("Create the tables")
    shop.run("upgrade")
    add_rows(shop)
    shop.run("revision", "-m", "Remove accounts", "--empty")
    (file,) = (file for file in shop.revisions() if "remove_accounts" in file.name)
    file.write_text(file.read_text().replace("pass", 'op.execute("DELETE FROM account")', 1))

    printed = shop.run("upgrade", exit_code=2)

    assert "Error: rows would refer to missing ones: task to account; nothing has" in printed
    assert query(shop, "SELECT name FROM account") == [("ada",)]
    assert shop.run("current").endswith("1 pending\n")


def test_downgrade_reverts_to_revision_or_by_steps(shop: Shop) -> None:
    first = shop.revise("Create the tables")
    shop.run("upgrade")
    shop.declare(NAMED, TASK)
    second = shop.revise("Add the email")
    shop.run("upgrade")

    assert shop.run("downgrade", "-1") == (
        f"Reverted {second}: Add the email\nThe database is at {first}, 1 pending.\n"
    )
    assert shop.run("downgrade", "base").endswith("The database is at no revision, 2 pending.\n")
    assert query(shop, "SELECT name FROM sqlite_schema WHERE type = 'table'") == [
        ("alembic_version",)
    ]


def test_history_lists_newest_first_with_state(shop: Shop) -> None:
    assert shop.run("history") == "No revisions.\n"
    first = shop.revise("Create the tables")
    shop.run("upgrade")
    shop.declare(NAMED, TASK)
    second = shop.revise("Add the email")

    lines = [line.split()[:3] for line in shop.run("history").splitlines()]
    listed = json.loads(shop.run("history", "--json"))

    assert lines == [
        ["REVISION", "STATE", "FOLLOWS"],
        [second, "pending", first],
        [first, "applied", "Create"],
    ]
    assert [(r["id"], r["follows"], r["message"]) for r in listed] == [
        (second, first, "Add the email"),
        (first, None, "Create the tables"),
    ]


def test_type_of_application_is_imported_by_revision(shop: Shop) -> None:
    (shop.folder / "shop_types.py").write_text(
        "from sqlalchemy import String, TypeDecorator\n\n"
        "class Slug(TypeDecorator[str]):\n    impl = String\n    cache_ok = True\n"
    )
    tag = (
        "\nimport shop_types\n\nclass Tag(Base):\n"
        '    __tablename__ = "tag"\n'
        "    slug: Mapped[str] = mapped_column(shop_types.Slug(30), primary_key=True)\n"
    )
    shop.declare(tag)
    shop.revise("Create the tags")

    shop.run("upgrade")

    assert "slug VARCHAR(30)" in definition_of(shop, "tag")


def test_sql_prints_statements_and_opens_no_database(shop: Shop) -> None:
    first = shop.revise("Create the tables")
    Path("var/app.sqlite3").unlink()

    printed = shop.run("upgrade", "--sql")
    reverting = shop.run("downgrade", "--sql", f"{first}:base")

    assert "CREATE TABLE account (" in printed
    assert f"INSERT INTO alembic_version (version_num) VALUES ('{first}')" in printed
    assert "DROP TABLE account;" in reverting
    assert not Path("var/app.sqlite3").exists()


def test_stamp_adopts_tables_that_boot_has_created(shop: Shop) -> None:
    id = shop.revise("Create the tables")
    statements = shop.run("upgrade", "--sql").split(";")
    query(shop, *(s for s in statements if "CREATE TABLE" in s and "alembic" not in s))

    printed = shop.run("upgrade", exit_code=2)
    assert "table account already exists" in printed
    assert "record its revision: python -m rxkernel db stamp REVISION" in printed
    assert shop.run("stamp", "head") == f"The database is at {id}, no revisions are pending.\n"
    assert shop.run("check") == "No differences.\n"


def test_database_by_name_has_its_own_folder_and_models(shop: Shop) -> None:
    with (shop.folder / "rxkernel.toml").open("a") as file:
        file.write('[resources.databases.reports]\nurl = "sqlite+aiosqlite:///var/r.sqlite3"\n')
    reports = (
        "\nclass Reports(DeclarativeBase): ...\n\nclass Report(Reports):\n"
        '    __tablename__ = "report"\n'
        "    id: Mapped[int] = mapped_column(primary_key=True)\n\n"
        'application.bundles = [ResourcesBundle(Base, databases={"reports": Reports})]\n'
    )
    shop.declare(ACCOUNT, reports)

    created = shop.run("revision", "-m", "Create reports", "--database", "reports")
    shop.run("upgrade", "--database", "reports")

    assert created.startswith("add table report\nCreated migrations/reports/")
    assert shop.run("check", "--database", "reports") == "No differences.\n"
    assert shop.run("history") == "No revisions.\n"
    assert shop.run("check", "--database", "report", exit_code=2) == (
        "Error: --database report is not in [resources.databases]; the databases are: default, "
        "reports\n"
    )


def test_boot_creates_tables_only_without_folder_of_revisions(shop: Shop) -> None:
    """Otherwise the first upgrade would find tables that it has to create."""
    shop.revise("Create the tables")
    assert shop.invoke("check", "shop_with_tables").exit_code == 0
    assert query(shop, "SELECT name FROM sqlite_schema WHERE type = 'table'") == []

    shop.folder.joinpath("migrations").rename(shop.folder / "elsewhere")
    assert shop.invoke("check", "shop_with_tables").exit_code == 0
    assert len(query(shop, "SELECT name FROM sqlite_schema WHERE type = 'table'")) == 2
    assert shop.run("revision", "-m", "First").startswith("add table account\nadd table task\n")


STORES = """\
[sessions]
store = "database"

[security.tokens]
store = "database"
"""


def test_tables_of_stores_belong_to_the_revisions(shop: Shop) -> None:
    with (shop.folder / "rxkernel.toml").open("a") as file:
        file.write(STORES)
    bundles = 'bundles=[ResourcesBundle(Base), "sessions", SecurityBundle(access="public")]'
    head = HEAD.replace("bundles=[ResourcesBundle(Base)]", bundles).replace(
        "from rxkernel", "from bundles.security import SecurityBundle\nfrom rxkernel"
    )
    shop.declare(ACCOUNT, head=head)

    created = shop.run("revision", "-m", "Create the tables")

    assert "add table rxkernel_session\n" in created
    assert "add table rxkernel_refresh_token\n" in created
    shop.run("upgrade")
    assert shop.run("check") == "No differences.\n"


def test_time_with_time_zone_has_its_public_name_in_revision(shop: Shop) -> None:
    column = "    created: Mapped[datetime] = mapped_column(UtcDateTime)\n"
    head = HEAD.replace("ResourcesBundle\n", "ResourcesBundle, UtcDateTime\n", 1)
    shop.declare(ACCOUNT, column, head="from datetime import datetime\n\n" + head)

    shop.revise("Create the tables")

    (file,) = shop.revisions()
    assert "bundles.resources.UtcDateTime()" in file.read_text()
    shop.run("upgrade")
    assert shop.run("check") == "No differences.\n"
