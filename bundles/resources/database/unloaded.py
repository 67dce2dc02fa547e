"""Explains the error of an attribute that SQLAlchemy would have to load without ``await``."""

from sqlalchemy.exc import MissingGreenlet, StatementError

from rxkernel import RxKernelError


def explain_unloaded(exc: BaseException) -> RxKernelError | None:
    """Return an error with the remedy, if *exc* comes from such an attribute: a view, or the
    action itself, has read it."""
    if isinstance(exc, StatementError):
        exc = exc.orig or exc
    if not isinstance(exc, MissingGreenlet):
        return None
    return RxKernelError(
        "an attribute of an entity was read that is not loaded, such as a relation; load it in "
        "the query: select(Article).options(selectinload(Article.author)), or "
        'Entity("slug", options=[selectinload(Article.author)])'
    )
