"""The interface of a session store."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence

from bundles.sessions.model import Changes, EndedSession, Rotation, StoredSession


class SessionStore(ABC):
    """Stores sessions. Each method is atomic, also among processes that share the store.

    *now* is in seconds since the epoch. A session that has expired by *now* is treated as missing,
    whether it was removed or not. The limits are those of `SessionsSettings`.

    If the store cannot be used, every method raises an `HttpException` with the status 503, or an
    error that becomes one when it leaves the message; `existing` and `remove_expired` always the
    former, since they are called without a message. A session is never reported as missing then.
    """

    @abstractmethod
    async def load(self, id: str, now: float) -> StoredSession | None:
        """The session with *id*."""

    @abstractmethod
    async def existing(self, ids: Collection[str], now: float) -> Collection[str]:
        """Those of *ids* that have a session. This does not count as a use of the sessions."""

    @abstractmethod
    async def create(self, session: StoredSession) -> Sequence[EndedSession]:
        """Add *session*, whose ``created`` is now.

        If its user has too many sessions, the oldest ones end, and are returned.

        Raises:
            SessionTooLargeException: it is larger than ``max_size``.
            TooManySessionsException: its address has ``max_per_address`` sessions.
        """

    @abstractmethod
    async def update(self, key: str, changes: Changes, now: float) -> bool:
        """Apply *changes* and note the use; False if the session does not exist.

        Raises:
            SessionTooLargeException: it would be larger than ``max_size``; nothing is changed.
        """

    @abstractmethod
    async def rotate(
        self, key: str, rotation: Rotation, changes: Changes, now: float
    ) -> Sequence[EndedSession] | bool:
        """As `update`, and replace the id and the user.

        Returns:
            The sessions that ended because the user has too many. True if the id is not
            ``rotation.old`` any more: nothing is changed. False if the session does not exist.
        """

    @abstractmethod
    async def end(self, key: str) -> EndedSession | None:
        """Remove a session; None if it does not exist."""

    @abstractmethod
    async def end_all(self, user: str) -> Sequence[EndedSession]:
        """Remove all sessions of *user*."""

    @abstractmethod
    async def remove_expired(self, now: float) -> Sequence[EndedSession]:
        """Remove and return the sessions that have expired by *now*. A store that removes them
        itself returns none."""
