"""Errors for attributes that are not loaded: to read them, SQLAlchemy would wait for the database
without ``await``; its own error is about greenlets."""

from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session
from sqlalchemy.util.concurrency import in_greenlet

from rxkernel import RxKernelError

_WITHOUT_AWAIT = (
    "a session is used without await: by a relation with lazy='dynamic', or by its sync_session; "
    "use WriteOnlyMapped, a statement with await session.execute(…), or await session.run_sync(…)"
)


class LoadedSession(Session):
    """The session of an `AsyncSession`; its errors name the attribute and what to write.

    ``await session.run_sync(…)`` and ``await session.refresh(…)`` may load attributes.
    """


@event.listens_for(LoadedSession, "do_orm_execute")
def _refuse(state: ORMExecuteState) -> None:
    """Raise an error for a statement without ``await``, such as that of an attribute that is not
    loaded: the driver would leave a coroutine that is never awaited."""
    if in_greenlet():
        return
    if not (state.is_relationship_load or state.is_column_load):
        raise RxKernelError(_WITHOUT_AWAIT)
    path: Any = state.loader_strategy_path
    relation = str(path.path[-1]) if state.is_relationship_load and path else ""
    if relation:
        raise RxKernelError(
            f"{relation} was read, which is not loaded; load it in the query: "
            f"options=[selectinload({relation})] of Entity, or "
            f"select(…).options(selectinload({relation}))"
        )
    raise RxKernelError(
        "a column was read that is not loaded, since it is deferred or expired; call await "
        "session.refresh(entity) before"
    )


@event.listens_for(LoadedSession, "before_flush")
def _refuse_flush(*_: Any) -> None:
    if not in_greenlet():
        raise RxKernelError(_WITHOUT_AWAIT)
