"""Errors of the database contain names of the view and the input, and no other column."""

from typing import Annotated, Any

import attrs
from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bundles.resources import (
    Create,
    Database,
    OperationEvent,
    Resource,
    Row,
    Update,
    operation,
)
from rxkernel import KernelClient, http
from tests.bundles.resources.articles import application, create_tables
from tests.bundles.resources.servers import TestDatabase


class Base(DeclarativeBase):
    pass


class Team(Base):
    __tablename__ = "team"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20), unique=True)


class Page(Base):
    __tablename__ = "page"
    __table_args__ = (UniqueConstraint("title", "owner", name="one_title"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(20), default="")
    owner: Mapped[str] = mapped_column(String(20), default="ada")
    secret: Mapped[str | None] = mapped_column("secret_column", String(20), unique=True)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))


@attrs.frozen
class PageView:
    id: int
    name: str


@attrs.frozen
class NewPage:
    title: str


class PageResource(Resource[Page], path="/pages", name="page"):
    operations = (Create(NewPage), Update(NewPage))
    view = PageView

    async def pre_create(self, event: OperationEvent) -> None:
        match event.input.title:
            case "secret":
                event.data.secret = "taken"
            case "other table":
                event.session.add(Team(name="taken"))
            case "late":
                event.data.team_id = 9

    @operation("POST", "/{id}/hide")
    async def hide(self, page: Annotated[Page, Row()], secret: str = "") -> None:
        page.secret = secret

    @operation("POST", "/{id}/lose")
    async def lose(self, page: Annotated[Page, Row()]) -> None:
        page.secret = "taken"


class ByHand:
    @http("POST", "/by-hand", "by_hand")
    async def add(self, session: AsyncSession) -> None:
        session.add(Page(title="by hand", secret="taken"))


async def test_errors_name_declared_fields_only(any_database: TestDatabase) -> None:
    [reference] = Page.metadata.tables["page"].foreign_key_constraints
    is_deferred = any_database.dialect != "mariadb"  # the commit reports it, not the INSERT
    reference.deferrable = is_deferred or None
    reference.initially = "DEFERRED" if is_deferred else None
    app = await create_tables(application(any_database.url, PageResource, ByHand, base=Base))
    async with app.injector.get(Database).unit_of_work() as work:
        work.session.add_all(
            [Page(title="taken", secret="taken"), Page(title="b"), Team(name="taken")]
        )

    async with KernelClient(app) as client:

        async def paths(name: str, **given: Any) -> list[str]:
            response = await client.http(name, **given)
            assert response.status_code in (409, 422), response.content
            found = [error["path"] for error in response.content.get("errors") or ()]
            hidden = {"secret", "owner", "team_id", "secret_column"} - set(found)
            assert not any(each in response.content["message"] for each in hidden)
            return found

        assert await paths("page_create", body={"title": "taken"}) == ["title"]
        assert await paths("page_update", params={"id": 2}, body={"title": "taken"}) == ["title"]
        assert await paths("page_create", body={"title": "secret"}) == []
        assert await paths("page_create", body={"title": "other table"}) == []
        assert await paths("page_create", body={"title": "late"}) == []
        assert await paths("page_hide", params={"id": 2, "secret": "taken"}) == ["secret"]
        assert await paths("page_lose", params={"id": 2}) == []
        assert await paths("by_hand") == ["secret"]
