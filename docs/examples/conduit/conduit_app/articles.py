"""Articles, favourites and tags."""

import re
import secrets
from typing import Annotated, Any

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from bundles.resources import Entity, Envelope, Page, Paging, Repository, View, apply
from bundles.security import access
from conduit_app.messages import ArticleChange, ArticleList, ArticleView, NewArticle
from conduit_app.tables import Article, Favorite, Follow, Tag, User
from conduit_app.users import Viewer
from rxkernel import Body, ForbiddenException, both

ArticleResponse = Annotated[Article, View(ArticleView), Envelope("article")]
ArticleOfPath = Annotated[Article, Entity("slug")]
Newest = Annotated[Page, Paging(20, at_most=100)]


class Articles(Repository[Article]):
    async def newest(self, page: Page, *criteria: ColumnElement[bool]) -> ArticleList:
        statement = self.select(*criteria).order_by(Article.created_at.desc(), Article.id.desc())
        found = await self.page(statement.options(defer(Article.body)), page)
        return ArticleList(found.items, found.total)  # type: ignore[arg-type]

    async def slug_for(self, title: str) -> str:
        """A slug that no article has. ``feed`` is another path."""
        slug = re.sub(r"[\W_]+", "-", title.lower()).strip("-")
        if slug in ("", "feed") or await self.find_by(slug=slug):
            slug = f"{slug}-{secrets.token_hex(4)}".strip("-")
        return slug


def check_author(row: Any, user: User) -> None:
    if row.author_id != user.id:
        raise ForbiddenException("it is of another author")


@access("authenticated")
class ArticleController:
    @access("public")
    @both("GET", "/articles", "article_list")
    async def show_all(
        self,
        articles: Articles,
        page: Newest,
        tag: str | None = None,
        author: str | None = None,
        favorited: str | None = None,
    ) -> ArticleList:
        wanted = [
            (tag, Article.tags.any(Tag.name == tag)),
            (author, Article.author.has(User.username == author)),
            (favorited, Article.fans.any(User.username == favorited)),
        ]
        return await articles.newest(page, *(rule for sent, rule in wanted if sent is not None))

    @both("GET", "/articles/feed", "article_feed")
    async def feed(self, articles: Articles, page: Newest, viewer: Viewer) -> ArticleList:
        followed = select(Follow.followed_id).where(Follow.follower_id == viewer.id)
        return await articles.newest(page, Article.author_id.in_(followed))

    @access("public")
    @both("GET", "/articles/{slug}", "article_show")
    async def show(self, article: ArticleOfPath) -> ArticleResponse:
        return article

    @both("POST", "/articles", "article_create", status_code=201)
    async def create(
        self, new: Annotated[NewArticle, Body("article")], articles: Articles, viewer: Viewer
    ) -> ArticleResponse:
        article = Article(slug=await articles.slug_for(new.title), author_id=viewer.id)
        article.tags = [Tag(name=name) for name in set(new.tag_list)]
        article.title, article.description, article.body = new.title, new.description, new.body
        articles.session.add(article)
        return await articles.refresh(article)

    @both("PUT", "/articles/{slug}", "article_change")
    async def change(
        self,
        article: ArticleOfPath,
        change: Annotated[ArticleChange, Body("article")],
        articles: Articles,
        viewer: Viewer,
    ) -> ArticleResponse:
        check_author(article, viewer)
        title = article.title
        if apply(article, change) and article.title != title:
            article.slug = await articles.slug_for(article.title)
        return await articles.refresh(article)

    @both("DELETE", "/articles/{slug}", "article_delete", status_code=204)
    async def remove(self, article: ArticleOfPath, articles: Articles, viewer: Viewer) -> None:
        check_author(article, viewer)
        await articles.remove(article)

    @both("POST", "/articles/{slug}/favorite", "article_favorite")
    async def favorite(
        self, article: ArticleOfPath, articles: Articles, viewer: Viewer
    ) -> ArticleResponse:
        await articles.session.merge(Favorite(user_id=viewer.id, article_id=article.id))
        return await articles.refresh(article)

    @both("DELETE", "/articles/{slug}/favorite", "article_unfavorite")
    async def unfavorite(
        self, article: ArticleOfPath, articles: Articles, viewer: Viewer
    ) -> ArticleResponse:
        mine = (Favorite.user_id == viewer.id, Favorite.article_id == article.id)
        await articles.session.execute(delete(Favorite).where(*mine))
        return await articles.refresh(article)

    @access("public")
    @both("GET", "/tags", "tag_list")
    async def show_tags(self, session: AsyncSession) -> Annotated[list[str], Envelope("tags")]:
        """The tags of most articles."""
        most = select(Tag.name).group_by(Tag.name).order_by(func.count().desc(), Tag.name)
        return [*await session.scalars(most.limit(50))]
