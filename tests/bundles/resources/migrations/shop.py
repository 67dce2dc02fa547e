"""A project with tables, whose models change between two commands."""

import sys
from collections.abc import Iterator
from pathlib import Path

from click.testing import CliRunner, Result

from bundles.resources.migrations.target import Target, target_of
from bundles.resources.settings import DEFAULT
from rxkernel.cli import main

HEAD = """\
from sqlalchemy import ForeignKey, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bundles.resources import NAMING_CONVENTION, ResourcesBundle
from rxkernel import Application


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING_CONVENTION)


application = Application(bundles=[ResourcesBundle(Base)])
"""

ACCOUNT = """

class Account(Base):
    __tablename__ = "account"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20), unique=True)
"""

TASK = """

class Task(Base):
    __tablename__ = "task"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
"""


class Shop:
    """A project in *folder*, the current directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.use("sqlite+aiosqlite:///var/app.sqlite3")

    def use(self, url: str) -> None:
        """Write the settings, with the database *url*."""
        self.url = url
        (self.folder / "rxkernel.toml").write_text(f'[resources]\nurl = "{url}"\n')

    def declare(self, *models: str, head: str = HEAD) -> None:
        """Write the module with the classes *models*."""
        (self.folder / "shop_with_tables.py").write_text("".join((head, *models)))

    def run(self, *arguments: str, exit_code: int = 0) -> str:
        """Run ``rxkernel db``, and return its output, including errors."""
        result = self.invoke("db", *arguments)
        assert result.exit_code == exit_code, (result.output, result.exception)
        return result.output

    def invoke(self, *arguments: str, input: str | None = None) -> Result:
        sys.modules.pop("shop_with_tables", None)
        sys.path_importer_cache.clear()
        return CliRunner().invoke(main, ["--app", "shop_with_tables", *arguments], input=input)

    def revise(self, message: str) -> str:
        """Write a revision, and return its id."""
        before = set(self.revisions())
        self.run("revision", "-m", message)
        (new,) = set(self.revisions()) - before
        return new.name.split("_")[2]

    def target(self) -> Target:
        """The database, after a command has imported the module."""
        application = sys.modules["shop_with_tables"].application
        application.load_settings()
        return target_of(application, DEFAULT)

    def revisions(self) -> Iterator[Path]:
        return self.folder.joinpath("migrations").glob("*.py")

    def revision(self, id: str) -> Path:
        (found,) = self.folder.joinpath("migrations").glob(f"*_{id}_*.py")
        return found
