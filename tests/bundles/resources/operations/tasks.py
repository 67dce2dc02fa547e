"""A table of tasks, its resource, and a caller of either transport."""

from typing import Any

import attrs
import msgspec
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bundles.resources import (
    BulkCreate,
    BulkRemove,
    Create,
    Database,
    Filters,
    Get,
    List,
    Patch,
    Remove,
    Resource,
    ResourcesBundle,
    Update,
)
from rxkernel import Application, KernelClient, Response
from rxkernel.pytest_plugin import ClientOf


class Base(DeclarativeBase):
    pass


class Task(Base):
    __tablename__ = "task"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    done: Mapped[bool] = mapped_column(default=False)
    owner: Mapped[str] = mapped_column(String(100), default="")
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - as SQLAlchemy declares it


class Note(Base):
    """A table without a version column."""

    __tablename__ = "note"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(String(100))


@attrs.frozen
class NoteView:
    id: int
    text: str


@attrs.frozen
class NoteText:
    text: str


@attrs.frozen
class TaskView:
    """A task, without its owner."""

    id: int
    title: str
    done: bool


@attrs.frozen
class NewTask:
    title: str


@attrs.frozen
class TaskChange:
    title: str | msgspec.UnsetType = msgspec.UNSET
    done: bool | msgspec.UnsetType = msgspec.UNSET


OPERATIONS = (
    List(page=10, limit=20),
    Get(),
    Create(NewTask),
    Update(TaskChange),
    Patch(TaskChange),
    Remove(),
    BulkCreate(NewTask),
    BulkRemove(),
)


class TaskResource(Resource[Task], path="/tasks", name="task"):
    operations = OPERATIONS
    filters = Filters(title=("$eq", "$in"), done=("$eq",), sort=("title", "id"))
    view = TaskView


def client_for(client_of: ClientOf, *controllers: Any, **parts: Any) -> KernelClient:
    """A client of *controllers* with an empty database."""
    bundles = [ResourcesBundle(Base), *parts.pop("bundles", ())]
    return client_of(*controllers, bundles=bundles, database="memory", **parts)


async def create_tables(application: Application) -> None:
    database = (await application.boot()).get(Database)
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)


class Caller:
    """Calls a route over one transport."""

    def __init__(self, client: KernelClient, transport: str) -> None:
        self.client = client
        self.transport = transport

    async def __call__(self, name: str, **given: Any) -> Response:
        if self.transport == "HTTP":
            return await self.client.http(name, **given)
        return await self.client.websocket(name, **given)
