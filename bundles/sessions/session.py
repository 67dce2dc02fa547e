"""The session of a client, as an action uses it."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from bundles.sessions.exceptions import SessionTooLargeException
from bundles.sessions.model import NO_VALUES, StoredSession, changed
from rxkernel import (
    BadRequestException,
    Request,
    Response,
    RxKernelError,
    decode_json,
    encode_json,
)

_MUTABLE = (dict, list)
_decode = msgspec.json.Decoder().decode
"""Without the checks of `decode_json`, which each value passed when it was written."""

_ATTRIBUTES = frozenset(
    {
        *("stored", "rotation", "is_destroyed", "is_read_only", "secret"),
        "choice",
        *("_keeper", "_values", "_request", "_save", "_user", "_written", "_removed"),
    }
)
"""Attributes that may be set. With another name, ``session["name"]`` was most likely meant."""


class SessionKeeper(Protocol):
    """The part of `Sessions` that a session calls."""

    max_size: int

    async def save(self, session: "Session", request: Request, response: Response) -> None:
        """Store the changes of *session*, and add a new secret to *response*."""

    async def end_session(self, session: "Session", request: Request | None) -> None:
        """Remove *session* from the store, and close the connections that use it."""

    def message_of(self, session: "Session") -> Request:
        """The current message, whose session is *session*.

        Raises:
            RxKernelError: *session* belongs to another message.
        """

    def check_rotation(self, request: Request) -> None:
        """Raise a `ConflictException` if *request* cannot send another id to its client."""


class Keep:
    """The default of ``rotate(user=…)``."""


KEEP = Keep()


class Session(MutableMapping[str, Any]):
    """Values of one client, kept by the server between its messages.

    Names are str, values are JSON: str, numbers, bool, None, lists and dicts. A value is decoded
    when it is read; a list or dict may be changed in place. The changes of a message are stored
    together when it has succeeded, before its response is sent: one by one by name, so that
    messages that run at the same time keep each other's changes. A message that fails changes
    nothing. A session is created when the first value is stored, or a user is set.

    Attributes:
        is_read_only: whether it cannot be changed: it was stored already, or it was read by a
            listener of a connection.
        stored: the state that the message began with; None if the client had no session.
        rotation: whether `rotate` was called.
        is_destroyed: whether `destroy` was called.
        choice: that of its connection when the message began, see `SocketSession`.
        secret: of `stored`, to be sent with the response; None if the client has it.
    """

    rotation = False
    is_destroyed = False
    is_read_only = False
    choice: object = None
    secret: str | None = None
    _request: Request | None = None
    _save: Callable[[Response], Awaitable[None]] | None = None
    _user: str | Keep | None = KEEP
    _written: frozenset[str] = frozenset()
    _removed: frozenset[str] = frozenset()

    __slots__ = ("__dict__", "_keeper", "_values", "stored")

    stored: StoredSession | None
    _keeper: SessionKeeper
    _values: dict[str, Any]

    def __init__(self, keeper: SessionKeeper, stored: StoredSession | None) -> None:
        _set_keeper(self, keeper)
        _set_stored(self, stored)
        _set_values(self, {})  # those that were read or written

    if not TYPE_CHECKING:  # for it, this would allow all names

        def __setattr__(self, name: str, value: Any) -> None:
            if name not in _ATTRIBUTES:
                hint = "await session.rotate(user=…)" if name == "user" else f"session[{name!r}]"
                raise AttributeError(f"{name!r} of a session cannot be set; write {hint}")
            object.__setattr__(self, name, value)

    @property
    def id(self) -> str | None:
        """Identifies the session in logs and lists: a hash of the secret that the client has. A
        client cannot use it as a credential. None before the session is stored."""
        return None if self.stored is None else self.stored.id

    @property
    def is_new(self) -> bool:
        """Whether it is not stored yet."""
        return self.stored is None

    @property
    def user(self) -> str | None:
        """The identifier of the user who is logged in, see `rotate`."""
        if not isinstance(self._user, Keep):
            return self._user
        return None if self.stored is None else self.stored.user

    async def rotate(self, *, user: str | Keep | None = KEEP) -> None:
        """Replace the id and the secret of the client, and set *user*. The values stay.

        Call it at login, so that an id that an attacker already knows becomes invalid. Like other
        changes, it is stored when the message has succeeded: from then on the old id is unknown,
        and other connections that were opened with it are closed.

        Raises:
            ConflictException: the message came over a socket, and the session is in a cookie.
        """
        request = self.message()
        self._keeper.check_rotation(request)
        self.rotation = True
        if not isinstance(user, Keep):
            self._user = user

    async def destroy(self) -> None:
        """End the session now, whether the message succeeds or not, and close the connections that
        use it; the connection of this message after its response.

        What is written afterwards becomes a new session.
        """
        request = None if self.is_read_only else self.message()
        await self._keeper.end_session(self, request)
        self.become(None)
        self.is_destroyed = True

    # --- mapping

    @property
    def _encoded(self) -> Mapping[str, bytes]:
        return NO_VALUES if self.stored is None else self.stored.values

    def __getitem__(self, name: str) -> Any:
        values, stored = self._values, self.stored
        if name in values:
            return values[name]
        if stored is None or name in self._removed:
            raise KeyError(name)
        value = values[name] = _decode(stored.values[name])
        return value

    def __setitem__(self, name: str, value: Any) -> None:
        self.message()
        self._encode(name, value)
        self._values[name] = value
        self._written |= {name}
        self._removed -= {name}

    def __delitem__(self, name: str) -> None:
        self.message()
        if name not in self:
            raise KeyError(name)
        self._values.pop(name, None)
        self._written -= {name}
        self._removed |= {name}

    def __contains__(self, name: object) -> bool:
        return name in self._values or (name in self._encoded and name not in self._removed)

    def __iter__(self) -> Iterator[str]:
        yield from tuple(name for name in self._encoded if name not in self._removed)
        yield from tuple(name for name in self._values if name not in self._encoded)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        id = "new" if self.id is None else f"{self.id[:8]}…"
        return f"<Session {id} user={self.user!r} names={list(self)!r}>"

    # --- for `Sessions`

    def save_later(self, request: Request) -> None:
        """Save it when *request* has succeeded. A message that only reads does not call this, so
        that nothing runs at its end, and the session does not refer to it."""
        if self._save is None:
            self._request = request
            self._save = partial(self._keeper.save, self, request)
        request.before_sending(self._save)

    def close(self) -> None:
        """Make it read-only: it is stored."""
        self.is_read_only, self._request, self._save, self.secret = True, None, None, None

    def become(self, stored: StoredSession | None, secret: str | None = None) -> None:
        """Become the session *stored*, and discard the changes of this message."""
        self.stored, self.secret = stored, secret
        self.rotation, self.is_destroyed, self._user = False, False, KEEP
        self._values, self._written, self._removed = {}, frozenset(), frozenset()

    @property
    def new_user(self) -> str | None:
        """The user that this message has set."""
        return None if isinstance(self._user, Keep) else self._user

    def encode(self, values: Mapping[str, Any]) -> dict[str, bytes]:
        """Encode *values* for a session.

        Raises:
            TypeError, ValueError: one of them is not JSON.
            SessionTooLargeException: one of them is larger than a session may be.
        """
        return {name: self._encode(name, value) for name, value in values.items()}

    def changes(self) -> dict[str, bytes | None]:
        """The changes of this message, by name.

        Raises:
            TypeError, ValueError: a value that was changed in place is not JSON.
        """
        found: dict[str, bytes | None] = {}
        if self._removed:
            found = dict.fromkeys(self._removed)
        for name, value in self._values.items():
            if name in self._written:
                found[name] = self._encode(name, value)
            elif type(value) in _MUTABLE:
                encoded = self._encode(name, value)
                if encoded != self._encoded[name]:
                    found[name] = encoded
        return found

    def all_values(self) -> dict[str, bytes]:
        """The values that it began with, with the changes of this message."""
        return changed(self._encoded, self.changes())

    def message(self) -> Request:
        """The message that changes the session; the session is stored at its end.

        Raises:
            RxKernelError: the session cannot be changed here.
        """
        if self.is_read_only:
            raise RxKernelError(
                "the session cannot be changed here: it is read-only in listeners of connections, "
                "and after the response was sent, for example in a stream"
            )
        request = self._keeper.message_of(self) if self._request is None else self._request
        self.save_later(request)  # again for each change: a wrapper may handle the message again
        return request

    def _encode(self, name: str, value: Any) -> bytes:
        """Encode *value*, and check that it can be read again.

        Raises:
            TypeError, ValueError: it is not JSON.
            SessionTooLargeException: it is larger than a session may be.
        """
        if type(name) is not str:
            raise TypeError(f"the name of a value of a session must be a str, not {name!r}")
        try:
            encoded = encode_json(value)
            decode_json(encoded)
            size = len(name.encode()) + len(encoded)
        except TypeError as exc:
            raise TypeError(f"session[{name!r}] cannot be stored: {exc}") from exc
        except (BadRequestException, RecursionError, ValueError) as exc:
            raise ValueError(f"session[{name!r}] cannot be stored: {exc}") from exc
        if size > self._keeper.max_size:
            raise SessionTooLargeException(self._keeper.max_size)
        return encoded


# Without the check of __setattr__: each message with a session makes one.
_set_keeper = Session.__dict__["_keeper"].__set__
_set_stored = Session.__dict__["stored"].__set__
_set_values = Session.__dict__["_values"].__set__
