"""The log in Redis, as commands."""

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError, ResponseError

from bundles.redis.problems import problem_of
from bundles.state import redis_scripts
from bundles.state.entries import Image, Logged, unpack_entry, unpack_image
from bundles.state.replica import Head, Replica
from bundles.state.snapshot import Snapshot

_FORMAT = b"1"
_HEAD = ("format", "epoch", "position", "token", "trimmed", "parent", "parent_position")
_MISFITS = ("WRONGTYPE", "ID specified in XADD")
"""In the text of an error: a key has another type, or the stream has later ids."""

_MOST_ENTRIES = 100
"""Entries that are read at once."""


class ForeignDataError(Exception):
    """The keys have something else, of another application or another version."""


class BrokenLogError(Exception):
    """Entries after the image are missing. *image* is that of the log *epoch*, whose last entry is
    at *position*."""

    def __init__(self, epoch: str, parent: str, position: int, image: Image) -> None:
        super().__init__("entries are missing")
        self.epoch = epoch
        self.parent = parent
        self.position = position
        self.image = image


class RedisStore:
    """All methods raise `RedisError`, and `ForeignDataError`.

    Args:
        client: for commands that are replied to at once.
        reader: for `read`, which waits for entries.
        key: begins the names of the keys.
    """

    def __init__(self, client: Redis, reader: Redis, key: str) -> None:
        self._reader = reader
        self._key = key
        self._log = f"{key}:log"
        self._client = client
        self._append = client.register_script(redis_scripts.APPEND)
        self._save_image = client.register_script(redis_scripts.SAVE_IMAGE)
        self._seed = client.register_script(redis_scripts.SEED)

    async def head(self) -> Head | None:
        """The head of the log; None if Redis has no log."""
        try:
            found = await self._fields()
            if found[0] is None and await self._reader.hlen(self._key):
                found = await self._fields()  # another process may have begun a log meanwhile
                if found[0] is None:
                    raise ForeignDataError(f"the key {self._key!r} has no state")
        except ResponseError as exc:
            raise self._foreign(exc) from exc
        if found[0] is None:
            return None
        if found[0] != _FORMAT:
            raise ForeignDataError(
                f"the key {self._key!r} has the format {found[0]!r:.50} of another version of "
                f"rxkernel; all processes need the same version"
            )
        try:
            _, epoch, position, token, trimmed, parent, parent_position, image_position = found
            return Head(
                *(epoch.decode(), int(position), token.decode(), int(trimmed)),
                *(parent.decode(), int(parent_position), int(image_position)),
            )
        except (AttributeError, TypeError, ValueError) as exc:
            raise ForeignDataError(f"the key {self._key!r} has no complete state") from exc

    async def _fields(self) -> list[Any]:
        return await self._reader.hmget(self._key, [*_HEAD, "image_position"])

    async def append(self, epoch: str, name: str, data: bytes) -> bool:
        """Whether it was done; not if there is another log."""
        return bool(await self._run(self._append, epoch, name, data))

    async def save_image(self, epoch: str, snapshot: Snapshot) -> bool:
        """Whether there is an image as new as *snapshot*; not if there is another log, or one that
        has lost entries of the image."""
        packed = await asyncio.to_thread(snapshot.packed)
        arguments = (epoch, snapshot.position, snapshot.token, packed)
        return bool(await self._run(self._save_image, *arguments))

    async def seed(
        self, replica: Replica, epoch: str, found: Head | BrokenLogError | None
    ) -> bool:
        """Begin the log *epoch* with the image of *replica*, in place of the log that was found;
        not if there is another one meanwhile."""
        old = ("", 0) if found is None else (found.epoch, found.position)
        parent, snapshot = replica.epoch, replica.snapshot()
        packed = await asyncio.to_thread(snapshot.packed)
        return bool(await self._run(self._seed, *old, epoch, parent, snapshot.position, packed))

    async def load(self) -> tuple[str, str, Image] | None:
        """The name of the log, that of its parent, and its image; None if Redis has no log.

        Raises:
            BrokenLogError: entries after the image are missing.
        """
        fields = ("epoch", "position", "image_position", "image_token", "image", "parent")
        found: list[Any] = await self._reader.hmget(self._key, list(fields))
        if found[0] is None:
            return None
        try:
            epoch, parent, position = found[0].decode(), found[5].decode(), int(found[1])
            image = unpack_image(found[4], int(found[2]), found[3].decode())
        except (AttributeError, TypeError, ValueError) as exc:
            raise ForeignDataError(f"the key {self._key!r} has no image of a state") from exc
        if position > image.position:
            first = f"{image.position + 1}-0"
            try:
                entries = await self._reader.xrange(self._log, first, first)
            except ResponseError as exc:
                raise self._foreign(exc) from exc
            if not entries and await self._is_same(epoch, found[2]):
                raise BrokenLogError(epoch, parent, position, image)
        return epoch, parent, image

    async def read(self, position: int, wait: float | None) -> Sequence[Logged]:
        """The first entries after *position*, of which at least one arrives within *wait* seconds;
        otherwise an empty sequence. With None it does not wait."""
        try:
            reply: Any = await self._reader.xread(
                {self._log: f"{position}-0"},
                _MOST_ENTRIES,
                None if wait is None else max(1, int(wait * 1000)),
            )
        except ResponseError as exc:
            raise self._foreign(exc) from exc
        if not reply:
            return ()
        [(_, entries)] = reply
        return [self._logged(id, fields) for id, fields in entries]

    async def _is_same(self, epoch: str, image_position: bytes) -> bool:
        """Whether no image was saved between two commands of `load`."""
        found = await self._reader.hmget(self._key, ["epoch", "image_position"])
        return found == [epoch.encode(), image_position]

    def _logged(self, id: bytes, fields: dict[bytes, bytes]) -> Logged:
        try:
            data = fields[b"e"]
            position = int(id.partition(b"-")[0])
            return Logged(position, fields[b"b"].decode(), unpack_entry(data), len(data))
        except (KeyError, ValueError) as exc:
            raise ForeignDataError(
                f"the stream {self._log!r} has an entry {id!r} that is not of a state"
            ) from exc

    async def _run(self, script: Any, *arguments: Any) -> Any:
        try:
            return await script(keys=[self._key, self._log], args=arguments)
        except NoScriptError:
            raise  # Redis was emptied between two commands: it is tried again
        except ResponseError as exc:
            raise self._foreign(exc) from exc

    def _foreign(self, exc: ResponseError) -> Exception:
        """The error to raise for *exc*: another one if the command does not fit the data."""
        if any(text in str(exc) for text in _MISFITS):
            names = f"{self._key!r} and {self._log!r}"
            return ForeignDataError(f"the keys {names} have other data: {exc}")
        return exc


def reason_of(exc: RedisError | ForeignDataError) -> str:
    """What is wrong with Redis, without its credentials."""
    if isinstance(exc, ForeignDataError):
        return str(exc)
    if (problem := problem_of(exc)) is not None:
        return problem.text
    # redis-py removes the code from the texts of errors for which it has a class.
    code = "" if type(exc) is ResponseError else f"{type(exc).__name__}: "
    return f"it replies: {code}{exc}"
