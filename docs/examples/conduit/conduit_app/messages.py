"""What clients send and receive, with the names of the RealWorld API."""

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

Username = Annotated[str, Meta(min_length=1, max_length=50)]
Email = Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
Password = Annotated[str, Meta(min_length=8, max_length=200)]
Title = Annotated[str, Meta(min_length=1, max_length=100)]
Text = Annotated[str, Meta(min_length=1)]
TagName = Annotated[str, Meta(min_length=1, max_length=50)]


class Login(Struct):
    email: str
    password: str


class NewUser(Struct):
    username: Username
    email: Email
    password: Password


class UserChange(Struct):
    username: Username | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    password: Password | UnsetType = UNSET
    bio: str | UnsetType | None = UNSET
    image: str | UnsetType | None = UNSET


class NewArticle(Struct, rename="camel"):
    title: Title
    description: Text
    body: Text
    tag_list: list[TagName] = []


class ArticleChange(Struct):
    title: Title | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    body: Text | UnsetType = UNSET


class NewComment(Struct):
    body: Text


class UserView(Struct):
    username: str
    email: str
    bio: str | None
    image: str | None
    token: str


class Profile(Struct):
    username: str
    bio: str | None
    image: str | None
    following: bool


class ArticleSummary(Struct, rename="camel"):
    slug: str
    title: str
    description: str
    tag_list: list[str]
    created_at: datetime
    updated_at: datetime
    favorited: bool
    favorites_count: int
    author: Profile


class ArticleView(ArticleSummary, rename="camel", kw_only=True):
    body: str


class ArticleList(Struct, rename="camel"):
    articles: list[ArticleSummary]
    articles_count: int


class CommentView(Struct, rename="camel"):
    id: int
    created_at: datetime
    updated_at: datetime
    body: str
    author: Profile
