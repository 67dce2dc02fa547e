"""Sessions in Redis, for several machines."""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any

from injector import inject
from redis.exceptions import RedisError

from bundles.redis import Redis, RedisSettings
from bundles.redis.outage import Outage
from bundles.sessions import redis_scripts
from bundles.sessions.exceptions import (
    SessionsUnavailableException,
    SessionTooLargeException,
    TooManySessionsException,
)
from bundles.sessions.model import Changes, EndedSession, Rotation, StoredSession
from bundles.sessions.settings import SessionsSettings
from bundles.sessions.store import SessionStore

_PREFIX = "rxkernel:session:"

_BATCH = 500
"""Ids that one script looks for: Redis executes nothing else meanwhile."""


class RedisSessionStore(SessionStore):
    """One script for each method. Redis removes expired sessions itself.

    In a message, the bundle `redis` turns an error of redis-py into a 503 and logs it. `existing`,
    which is called without a message, does so itself.
    """

    @inject
    def __init__(
        self, client: Redis, settings: SessionsSettings, outage: Outage, redis: RedisSettings
    ) -> None:
        self._keys = [redis.key(_PREFIX)]
        self._settings = settings
        self._outage = outage
        self._load = client.register_script(redis_scripts.LOAD)
        self._existing = client.register_script(redis_scripts.EXISTING)
        self._create = client.register_script(redis_scripts.CREATE)
        self._update = client.register_script(redis_scripts.UPDATE)
        self._rotate = client.register_script(redis_scripts.ROTATE)
        self._end = client.register_script(redis_scripts.END)
        self._end_all = client.register_script(redis_scripts.END_ALL)

    async def load(self, id: str, now: float) -> StoredSession | None:
        reply = await self._load(keys=self._keys, args=[id])
        if reply is None:
            return None
        key, flat = reply
        found = dict(zip(flat[::2], flat[1::2], strict=True))
        user = found.get(b"user")
        session = StoredSession(
            key=key.decode(),
            id=id,
            values={
                name[2:].decode(): value for name, value in found.items() if name.startswith(b"v:")
            },
            user=None if user is None else user.decode(),
            address=found[b"address"].decode(),
            created=float(found[b"created"]),
            used=float(found[b"used"]),
        )
        ended = session.has_ended(now, self._settings.idle_timeout, self._settings.lifetime)
        return None if ended else session

    async def existing(self, ids: Collection[str], now: float) -> Collection[str]:
        found: list[str] = []
        rest = iter(ids)
        while some := list(islice(rest, _BATCH)):
            try:
                reply = await self._existing(
                    keys=self._keys, args=[_time(now), *self._expiry(), *some]
                )
            except RedisError as exc:
                if not self._outage.report_error(exc):
                    raise
                raise SessionsUnavailableException from exc
            found += (id.decode() for id in reply)
        return found

    async def create(self, session: StoredSession) -> Sequence[EndedSession]:
        status, *ended = await self._create(
            keys=self._keys,
            args=[
                *(session.key, session.id, *_user(session.user), session.address),
                *(_time(session.created), *self._expiry(), self._settings.max_size),
                *(self._settings.max_per_user, self._settings.max_per_address),
                *_flat(session.values),
            ],
        )
        if status == b"address":
            raise TooManySessionsException
        self._check_size(status)
        return [_ended(one) for one in ended]

    async def update(self, key: str, changes: Changes, now: float) -> bool:
        status = await self._update(
            keys=self._keys,
            args=[
                *(key, _time(now), *self._expiry(), self._settings.max_size),
                *_flat(changes),
            ],
        )
        self._check_size(status)
        return bool(status == b"updated")

    async def rotate(
        self, key: str, rotation: Rotation, changes: Changes, now: float
    ) -> Sequence[EndedSession] | bool:
        status, *ended = await self._rotate(
            keys=self._keys,
            args=[
                *(key, rotation.old, rotation.new, *_user(rotation.user)),
                *(_time(now), *self._expiry(), self._settings.max_size),
                *(self._settings.max_per_user, *_flat(changes)),
            ],
        )
        self._check_size(status)
        if status in (b"missing", b"other"):
            return bool(status == b"other")
        return [_ended(one) for one in ended]

    async def end(self, key: str) -> EndedSession | None:
        reply = await self._end(keys=self._keys, args=[key])
        return None if reply is None else _ended(reply)

    async def end_all(self, user: str) -> Sequence[EndedSession]:
        return [_ended(one) for one in await self._end_all(keys=self._keys, args=[user])]

    async def remove_expired(self, now: float) -> Sequence[EndedSession]:
        return ()

    def _expiry(self) -> tuple[float, float]:
        return self._settings.idle_timeout, self._settings.lifetime

    def _check_size(self, status: bytes) -> None:
        if status == b"size":
            raise SessionTooLargeException(self._settings.max_size)


def _time(seconds: float) -> str:
    """*seconds* as the scripts store it."""
    return f"{seconds:.6f}"


def _user(user: str | None) -> tuple[int, str]:
    return (0, "") if user is None else (1, user)


def _flat(changes: Changes) -> Iterator[str | bytes]:
    for name, value in changes.items():
        yield from (name, "remove", b"") if value is None else (name, "set", value)


def _ended(reply: Sequence[Any]) -> EndedSession:
    id, *user = reply
    return EndedSession(id.decode(), user[0].decode() if user else None)
