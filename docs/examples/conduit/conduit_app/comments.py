"""Comments. Sockets that watch an article get an event when its comments change."""

from collections.abc import Sequence
from typing import Annotated

from bundles.resources import AfterCommit, Entity, Envelope, Repository, View
from bundles.security import access
from conduit_app.articles import ArticleOfPath, check_author
from conduit_app.messages import CommentView, NewComment
from conduit_app.tables import Comment
from conduit_app.users import Viewer
from rxkernel import Body, Connection, NotFoundException, both, websocket


class Comments(Repository[Comment]): ...


def room_of(article_id: int) -> str:
    return f"comments:{article_id}"


@access("authenticated")
class CommentController:
    @access("public")
    @both("GET", "/articles/{slug}/comments", "comment_list")
    async def show_all(
        self, article: ArticleOfPath, comments: Comments
    ) -> Annotated[Sequence[Comment], View(CommentView), Envelope("comments")]:
        return await comments.all(Comment.article_id == article.id, order_by=Comment.id)

    @both("POST", "/articles/{slug}/comments", "comment_create", status_code=201)
    async def create(
        self,
        article: ArticleOfPath,
        new: Annotated[NewComment, Body("comment")],
        comments: Comments,
        viewer: Viewer,
        after: AfterCommit,
    ) -> Annotated[Comment, View(CommentView), Envelope("comment")]:
        comment = Comment(body=new.body, article_id=article.id, author_id=viewer.id)
        await comments.add(comment)
        after.emit("comment_created", article.slug, comment.id, room=room_of(article.id))
        return await comments.refresh(comment)

    @both("DELETE", "/articles/{slug}/comments/{id}", "comment_delete", status_code=204)
    async def remove(
        self,
        article: ArticleOfPath,
        comment: Annotated[Comment, Entity()],
        comments: Comments,
        viewer: Viewer,
        after: AfterCommit,
    ) -> None:
        if comment.article_id != article.id:
            raise NotFoundException()
        check_author(comment, viewer)
        await comments.remove(comment)
        after.emit("comment_deleted", article.slug, comment.id, room=room_of(article.id))

    @access("public")
    @websocket("comment_watch")
    async def watch(self, article: ArticleOfPath, connection: Connection) -> None:
        """Get ``comment_created`` and ``comment_deleted``, with the slug and the id."""
        await connection.join(room_of(article.id))
