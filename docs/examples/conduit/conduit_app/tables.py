"""The tables. `following` and `favorited` depend on the viewer, the user who sent the message."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ForeignKey, Integer, String, Text, bindparam, exists, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, column_property, mapped_column, relationship

from bundles.resources import UtcDateTime
from rxkernel import current_request


def now() -> datetime:
    return datetime.now(UTC)


def viewer_id() -> int | None:
    request = current_request.get()
    return request.user.id if request and request.user else None


VIEWER = bindparam("viewer", callable_=viewer_id, type_=Integer)


def key_of(table: str, **more: Any) -> Any:
    return mapped_column(ForeignKey(f"{table}.id", ondelete="CASCADE"), **more)


class Base(DeclarativeBase):
    type_annotation_map = {datetime: UtcDateTime, str: Text}


class Follow(Base):
    __tablename__ = "follow"

    follower_id: Mapped[int] = key_of("users", primary_key=True)
    followed_id: Mapped[int] = key_of("users", primary_key=True, index=True)


class Favorite(Base):
    __tablename__ = "favorite"

    user_id: Mapped[int] = key_of("users", primary_key=True)
    article_id: Mapped[int] = key_of("article", primary_key=True, index=True)


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(50), unique=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    bio: Mapped[str | None]
    image: Mapped[str | None]
    following: Mapped[bool] = column_property(
        exists().where(Follow.followed_id == id, Follow.follower_id == VIEWER)
    )


class Tag(Base):
    __tablename__ = "tag"

    article_id: Mapped[int] = key_of("article", primary_key=True)
    name: Mapped[str] = mapped_column(String(50), primary_key=True, index=True)


class Article(Base):
    __tablename__ = "article"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(120), unique=True)
    title: Mapped[str] = mapped_column(String(100))
    description: Mapped[str]
    body: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    author_id: Mapped[int] = key_of("users", index=True)
    author: Mapped[User] = relationship(lazy="selectin")
    tags: Mapped[list[Tag]] = relationship(order_by=Tag.name, lazy="selectin", cascade="all")
    fans: Mapped[list[User]] = relationship(secondary="favorite", viewonly=True)
    favorited: Mapped[bool] = column_property(
        exists().where(Favorite.article_id == id, Favorite.user_id == VIEWER)
    )
    favorites_count: Mapped[int] = column_property(
        select(func.count()).where(Favorite.article_id == id).scalar_subquery()
    )

    @property
    def tag_list(self) -> list[str]:
        return [tag.name for tag in self.tags]


class Comment(Base):
    __tablename__ = "comment"

    id: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    article_id: Mapped[int] = key_of("article", index=True)
    author_id: Mapped[int] = key_of("users")
    author: Mapped[User] = relationship(lazy="selectin")
