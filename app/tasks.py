"""Tasks and their storage, without any HTTP or sockets."""

from collections.abc import AsyncIterator, Sequence

from sqlalchemy import ColumnElement

from app.tables import Account, StoredTask
from bundles.resources import Repository

_PAGE = 500


class TaskNotFoundError(LookupError):
    """No task has this id, or it is private to another account; both cases look the same."""

    def __init__(self, id: int) -> None:
        super().__init__(f"task {id} not found")
        self.id = id


def visible_to(viewer: Account | None) -> ColumnElement[bool]:
    """The tasks that a *viewer* may see: those of the shared board, and the viewer's own."""
    shared = StoredTask.owner.is_(None)
    return shared if viewer is None else shared | (StoredTask.owner == viewer.username)


class TaskRepository(Repository[StoredTask]):
    """The tasks, in the session of the message."""

    async def visible(self, viewer: Account | None) -> Sequence[StoredTask]:
        """Return all tasks that *viewer* may see, the oldest first."""
        return await self.all(visible_to(viewer), order_by=StoredTask.id)

    async def each(self, viewer: Account | None) -> AsyncIterator[StoredTask]:
        """As `visible`, read in pages: a slow reader uses little memory, and holds no connection
        while it is slow."""
        last = 0
        while page := await self._page(last, viewer):
            await self.session.commit()  # gives the connection back
            for task in page:
                yield task
            last = page[-1].id

    async def _page(self, last: int, viewer: Account | None) -> Sequence[StoredTask]:
        statement = (
            self.select(StoredTask.id > last, visible_to(viewer))
            .order_by(StoredTask.id)
            .limit(_PAGE)
        )
        return (await self.session.scalars(statement)).all()

    async def get_visible(self, id: int, viewer: Account | None) -> StoredTask:
        """Raises: TaskNotFoundError."""
        statement = self.select(StoredTask.id == id, visible_to(viewer))
        if (task := await self.session.scalar(statement)) is None:
            raise TaskNotFoundError(id)
        return task
