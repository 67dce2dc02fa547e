"""Several databases, their settings, and slow statements."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Annotated, Any

import pytest
from injector import Binder, inject
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bundles.resources import (
    Database,
    Databases,
    DatabaseSettings,
    Db,
    ResourcesBundle,
    ResourcesSettings,
    unit_of_work,
)
from bundles.resources.database import sqlite
from bundles.resources.database.engines import new_engine
from rxkernel import (
    Application,
    ConfigurationError,
    Inject,
    RxKernelError,
    Settings,
    both,
    http,
    request_scope,
)
from rxkernel.application.settings_sources import load_settings
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.articles import Author, Base, application


class ReportsBase(DeclarativeBase):
    pass


class Report(ReportsBase):
    __tablename__ = "report"

    name: Mapped[str] = mapped_column(primary_key=True)


class AuthorList:
    """A service that uses the session of the message."""

    @inject
    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def names(self) -> list[str]:
        return list(await self.session.scalars(select(Author.name)))


class Reports:
    @both("POST", "/reports/{name}", "add")
    async def add(
        self,
        name: str,
        session: AsyncSession,
        reports: Annotated[AsyncSession, Db("reports")],
        authors: Annotated[AuthorList, Inject()],
        fails: bool = False,
    ) -> bool:
        session.add(Author(name=name))
        reports.add(Report(name=name))
        await reports.flush()
        if fails:
            raise LookupError
        return authors.session is session

    @http("GET", "/", "all")
    async def all(
        self,
        authors: Annotated[AuthorList, Inject()],
        reports: Annotated[AsyncSession, Db("reports")],
    ) -> list[list[str]]:
        return [await authors.names(), list(await reports.scalars(select(Report.name)))]


def _configure(binder: Binder) -> None:
    binder.bind(AuthorList, scope=request_scope)


def _application(folder: Path, *controllers: Any) -> Application:
    settings = ResourcesSettings(
        url=f"sqlite+aiosqlite:///{folder}/app.sqlite3",
        databases={"reports": DatabaseSettings(url=f"sqlite+aiosqlite:///{folder}/r.sqlite3")},
    )
    return Application(
        bundles=[ResourcesBundle(Base, databases={"reports": ReportsBase})],
        controllers=controllers,
        modules=[_configure],
        settings=Settings(bundles={"resources": settings}),
    )


async def test_message_has_one_session_for_each_database(
    client_of: ClientOf, tmp_path: Path
) -> None:
    client = client_of(_application(tmp_path, Reports))

    assert (await client.http("add", params={"name": "ada"})).content is True
    assert (await client.websocket("add", params={"name": "bob"})).content is True
    failed = await client.http("add", params={"name": "eve", "fails": True})
    assert failed.status_code == 500

    assert (await client.http("all")).content == [["ada", "bob"], ["ada", "bob"]]
    databases = client.application.injector.get(Databases)
    assert list(databases) == ["default", "reports"]
    assert client.application.injector.get(Database) is databases["default"]
    async with databases["reports"].unit_of_work(readonly=True) as work:
        assert len(list(await work.session.scalars(select(Report)))) == 2


async def test_memory_database_replaces_each_of_several_databases(
    client_of: ClientOf, tmp_path: Path
) -> None:
    client = client_of(_application(tmp_path, Reports), database="memory")

    await client.http("add", params={"name": "ada"})

    assert (await client.http("all")).content == [["ada"], ["ada"]]
    assert not _files_in(tmp_path)


def _files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_unknown_database_is_boot_error(tmp_path: Path) -> None:
    class Wrong:
        @http("GET", "/", "wrong")
        async def wrong(self, session: Annotated[AsyncSession, Db("report")]) -> None: ...

        @http("GET", "/too", "too")
        async def too(self, session: Annotated[str, Db()]) -> None: ...

    with pytest.raises(ConfigurationError) as caught:
        await _application(tmp_path, Wrong).boot()

    unknown, wrong = caught.value.problems
    assert "unknown database 'report'; " in unknown
    assert "did you mean 'reports'?" in unknown
    assert "write Annotated[AsyncSession, Db(name='default')]" in wrong


async def test_tables_of_unknown_database_are_boot_error() -> None:
    bundle = ResourcesBundle(Base, databases={"reports": ReportsBase})

    with pytest.raises(ConfigurationError, match="has tables of the database 'reports'"):
        await Application(bundles=[bundle]).boot()


async def test_unit_of_work_with_a_name_uses_that_database(
    client_of: ClientOf, tmp_path: Path
) -> None:
    class Working:
        @http("POST", "/{database}", "work")
        async def work(self, database: str) -> None:
            async with unit_of_work(database) as work:
                work.session.add(Report(name="a"))

    client = client_of(_application(tmp_path, Working))

    assert (await client.http("work", params={"database": "reports"})).status_code == 200
    with pytest.raises(RxKernelError, match="outside of a running application"):
        async with unit_of_work():
            pytest.fail("there is no application")


def test_settings_are_read_from_file(tmp_path: Path) -> None:
    (tmp_path / "rxkernel.toml").write_text(
        """
        [resources]
        url = "postgresql+psycopg://ada:hunter2@db/app"
        pool_size = 3
        [resources.databases.reports]
        url = "sqlite+aiosqlite:///var/reports.sqlite3"
        slow_statement = 0.5
        """
    )

    own = _load(tmp_path)

    assert own.url == "postgresql+psycopg://ada:hunter2@db/app"
    assert own.databases["reports"] == DatabaseSettings(
        url="sqlite+aiosqlite:///var/reports.sqlite3", slow_statement=0.5
    )
    assert "hunter2" not in repr(own)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('url = "mysql://ada:hunter2@db/app"', "resources.url .* must be a URL with an asynchr"),
        ("pool_size = 0", "resources.pool_size from .* got 0, must be a whole number, 1 or more"),
        (
            '[resources.databases.reports]\nurl = "x:hunter2"',
            r"resources.databases.reports.url from .* must be a URL",
        ),
        (
            "[resources.databases.reports]\npool_size = 1",
            "resources.databases.reports.url: must be set, in rxkernel.toml or as "
            "RXKERNEL_RESOURCES_DATABASES_REPORTS_URL",
        ),
        (
            '[resources.databases.reports]\nurl = "sqlite+aiosqlite:///a"\npool = 1',
            "resources.databases.reports.pool from .* no such setting",
        ),
        ("[resources.databases]\nreports = 1", "databases.reports from .* must be a table"),
    ],
    ids=["driver", "pool", "url", "missing", "unknown", "table"],
)
def test_wrong_setting_is_reported_without_password(
    tmp_path: Path, text: str, problem: str
) -> None:
    (tmp_path / "rxkernel.toml").write_text(f"[resources]\n{text}\n")

    with pytest.raises(ConfigurationError, match=problem) as caught:
        _load(tmp_path)

    assert "hunter2" not in str(caught.value)


def test_variable_sets_url_of_named_database(tmp_path: Path) -> None:
    (tmp_path / "rxkernel.toml").write_text("[resources.databases.reports]\npool_size = 2\n")

    own = _load(tmp_path, RXKERNEL_RESOURCES_DATABASES_REPORTS_URL="sqlite+aiosqlite:///r")

    reports = DatabaseSettings(url="sqlite+aiosqlite:///r", pool_size=2)
    assert own.databases == {"reports": reports}


def _load(folder: Path, name: str | None = None, **environment: str) -> ResourcesSettings:
    settings = load_settings(
        directory=folder,
        environment=environment,
        sections={"resources": ResourcesSettings},
        name=name,
    )
    own = settings.bundles["resources"]
    assert isinstance(own, ResourcesSettings)
    return own


def test_default_file_of_one_of_several_applications_is_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "rxkernel.toml").write_text("[applications.shop]\n[applications.blog]\n")

    assert _load(tmp_path, "shop").url == "sqlite+aiosqlite:///var/shop/app.sqlite3"


async def test_slow_statement_is_logged_with_id_of_request_and_without_values(
    client_of: ClientOf, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Slow:
        @http("GET", "/{name}", "slow")
        async def slow(self, name: str, session: AsyncSession) -> None:
            await session.scalar(select(Author.id).where(Author.name == name))

    url = f"sqlite+aiosqlite:///{tmp_path}/app.sqlite3"
    client = client_of(application(url, Slow, slow_statement=1e-9))
    await client.http("slow", params={"name": "Ada Lovelace"}, headers={"X-Request-ID": "r-1"})

    (line,) = [r for r in caplog.records if "WHERE author.name" in r.getMessage()]
    assert line.getMessage().startswith("slow statement in the database 'default', ")
    assert "Lovelace" not in caplog.text


async def test_sqlite_has_wal_foreign_keys_and_mode_600(tmp_path: Path) -> None:
    site = application(f"sqlite+aiosqlite:///{tmp_path}/new/app.sqlite3")
    async with site:
        async with site.injector.get(Database).engine.connect() as connection:
            found = [
                await connection.scalar(text(f"PRAGMA {name}"))
                for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
            ]
        assert found == ["wal", 1, 1, 5000]
        assert _mode(tmp_path / "new" / "app.sqlite3") == 0o600


def _mode(file: Path) -> int:
    return file.stat().st_mode & 0o777


def test_file_that_another_process_creates_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite itself does not wait for the lock when it changes the journal mode."""
    other = sqlite3.connect(tmp_path / "app.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr("bundles.sqlite.wal.time.sleep", lambda _: other.execute("ROLLBACK"))

    sqlite.create(tmp_path / "app.sqlite3", 5.0)

    assert other.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
    other.close()


async def test_applications_that_create_tables_at_once_all_boot(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/app.sqlite3"
    sites = [application(url) for _ in range(4)]

    await asyncio.gather(*(site.boot() for site in sites))

    for site in sites:
        await site.stop()


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("sqlite+aiosqlite:///x.sqlite3?bogus=1", "driver aiosqlite does not know: bogus"),
        ("sqlite+aiosqlite:///x.sqlite3?mode=ro", "driver aiosqlite does not know: mode"),
        ("sqlite+aiosqlite:///file::memory:?cache=shared&uri=true", "is a database in memory"),
        ("postgresql+psycopg://u@h/db?sslmodee=1", "driver psycopg does not know: sslmodee"),
        ("mariadb+aiomysql://u@h/db?bogus=1&b=1", "driver aiomysql does not know: b, bogus"),
    ],
    ids=["sqlite", "sqlite_uri", "memory", "postgresql", "mariadb"],
)
def test_url_option_that_driver_does_not_know_is_an_error(url: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        new_engine(DatabaseSettings(url=url), "resources.url")


@pytest.mark.parametrize(
    "url",
    [
        "sqlite+aiosqlite:///file:x.sqlite3?uri=true&mode=rw&timeout=3",
        "postgresql+psycopg://u@h/db?sslmode=require&host=a&host=b&prepare_threshold=3",
        "mariadb+aiomysql://u@h/db?ssl_ca=/x&charset=utf8mb4&unix_socket=/s",
    ],
    ids=["sqlite", "postgresql", "mariadb"],
)
def test_url_option_that_driver_knows_is_accepted(url: str) -> None:
    new_engine(DatabaseSettings(url=url), "resources.url")
