"""Mistakes in revisions: the error is one line with the next step."""

import pytest

from tests.bundles.resources.migrations.shop import ACCOUNT, TASK, Shop


@pytest.fixture
def first(shop: Shop) -> str:
    """The id of a revision with all tables, which the database has."""
    id = shop.revise("Create the tables")
    shop.run("upgrade")
    return id


def empty(shop: Shop, message: str) -> str:
    """Write a revision without a change, and return its id."""
    before = set(shop.revisions())
    shop.run("revision", "-m", message, "--empty")
    (new,) = set(shop.revisions()) - before
    return new.name.split("_")[2]


def edit(shop: Shop, id: str, old: str, new: str) -> None:
    file = shop.revision(id)
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_unknown_revision_is_reported(shop: Shop, first: str) -> None:
    assert shop.run("upgrade", "abc", exit_code=2) == (
        "Error: Can't locate revision identified by 'abc'; the command "
        "`python -m rxkernel db history` "
        "lists the revisions in migrations\n"
    )


def test_two_newest_revisions_name_the_line_to_change(shop: Shop, first: str) -> None:
    one = empty(shop, "One")
    shop.revision(one).rename(shop.folder / "one.py")
    other = empty(shop, "Other")
    last = empty(shop, "Last")
    (shop.folder / "one.py").rename(shop.folder / "migrations" / f"0_0_{one}_one.py")

    printed = shop.run("upgrade", exit_code=2)

    assert printed.startswith("Error: two revisions are the newest: ")
    fixes = (
        f"write down_revision = '{last}' in 0_0_{one}_one.py",
        f"write down_revision = '{one}' in {shop.revision(other).name}",
    )
    assert any(fix in printed for fix in fixes)
    edit(shop, other, f"down_revision = '{first}'", f"down_revision = '{one}'")
    assert shop.run("upgrade").endswith(f"The database is at {last}, no revisions are pending.\n")


def test_missing_file_of_the_database_revision_is_reported(shop: Shop, first: str) -> None:
    shop.revision(first).unlink()

    assert shop.run("upgrade", exit_code=2) == (
        f"Error: the database is at revision {first}, which has no file in migrations; add the "
        f"file, or record another revision: python -m rxkernel db stamp REVISION\n"
    )


def test_missing_previous_revision_is_reported(shop: Shop, first: str) -> None:
    empty(shop, "Second")
    shop.revision(first).unlink()

    printed = shop.run("history", exit_code=2)

    assert printed.startswith("Error: the revisions in migrations cannot be read: Revision ")
    assert f"{first} referenced from" in printed


def test_syntax_error_names_file_and_line(shop: Shop, first: str) -> None:
    second = empty(shop, "Second")
    edit(shop, second, "revision = ", "revision == = ")

    assert shop.run("upgrade", exit_code=2) == (
        f"Error: {shop.revision(second).name}:6: SyntaxError: invalid syntax\n"
    )


def test_exception_in_revision_names_line_and_reverts_all(shop: Shop, first: str) -> None:
    second = empty(shop, "Second")
    edit(shop, second, "pass", "op.execute(\"INSERT INTO account (name) VALUES ('ada')\")")
    third = empty(shop, "Third")
    edit(shop, third, "pass", 'op.execute("INSERT INTO accounts VALUES (1)")')

    printed = shop.run("upgrade", exit_code=2).splitlines()

    assert printed == [
        f"Applied {second}: Second",
        f"Error: {shop.revision(third).name}:13: no such table: accounts; nothing has changed, "
        f"revisions before it were reverted too",
    ]
    assert shop.run("current") == f"{first}, 2 pending\n"


def test_revision_that_needs_the_database_has_no_sql(shop: Shop, first: str) -> None:
    shop.declare(ACCOUNT.replace("String(20)", "String(40)"), TASK)
    shop.revise("Allow longer names")

    printed = shop.run("upgrade", "--sql", exit_code=2)

    assert "requires a live database connection" in printed


def test_server_that_cannot_be_reached_is_reported(shop: Shop) -> None:
    shop.revise("Create the tables")
    shop.use("postgresql+psycopg://ada:secret@127.0.0.1:1/shop")

    printed = shop.run("upgrade", exit_code=2)

    assert printed.startswith("Error: the database of resources.url reports: connection failed")
    assert "secret" not in printed


def test_bundle_without_a_base_is_reported(shop: Shop) -> None:
    shop.declare("\napplication.bundles = [ResourcesBundle]\n")

    assert shop.run("current", exit_code=2) == (
        "Error: the bundle resources needs the declarative base of the tables: write "
        "Application(bundles=[ResourcesBundle(Base)])\n"
    )


def test_folder_of_database_that_is_a_file_is_reported(shop: Shop) -> None:
    (shop.folder / "var").write_text("")

    printed = shop.run("current", exit_code=2)

    assert printed.startswith("Error: the folder of resources.url cannot be created: ")


def test_file_that_is_not_a_database_is_reported(shop: Shop) -> None:
    (shop.folder / "var").mkdir()
    (shop.folder / "var/app.sqlite3").write_text("text" * 300)

    assert shop.run("upgrade", exit_code=2) == (
        "Error: the database of resources.url reports: file is not a database\n"
    )
