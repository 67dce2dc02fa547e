"""The signed frame of each message between processes."""

import hmac
import time
from collections.abc import Callable
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

VERSION = 1

_SIGNATURE_SIZE = 32
_HEAD = Struct(">8sBQd")
"""The sender, the kind, the number, and the time of sending."""
SENDER_AT = 1 + _SIGNATURE_SIZE
KIND_AT = SENDER_AT + 8
"""The positions of the sender and the kind in a frame."""

_OVERHEAD = 1 + _SIGNATURE_SIZE + _HEAD.size


class Kind(IntEnum):
    """The kinds of messages."""

    HEARTBEAT = 1
    HELLO = 2
    GOODBYE = 3
    BROADCAST = 4
    EVENT = 5
    REQUEST = 6
    REPLY = 7
    PRESENCE = 8
    PEER = 9
    LOGGED = 10
    STATE = 11


_MAX_AGE = 60.0
"""Seconds; the clocks of all machines must not differ by more."""

_KINDS = frozenset(Kind)


class Message(NamedTuple):
    """One message between processes.

    Attributes:
        sender: the 8 bytes that identify a process.
        number: grows with each message of *sender* to a topic; by one if the topic is for all.
        body: encoded by MessagePack.
    """

    sender: bytes
    kind: Kind
    number: int
    body: bytes


class RejectedError(Exception):
    """A message cannot be used; *reason* is one of `REASONS`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Seal:
    """Writes and checks frames: the version (1 byte), the signature (HMAC-SHA256 of version, topic
    and all that follows), the sender, the kind, the number, the time and the body.

    Since the topic and the time are signed, a recorded message is rejected in another topic, and
    after a minute.

    Args:
        max_size: most bytes of a frame.
        clock: returns the seconds since 1970.
    """

    def __init__(self, secret: str, max_size: int, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._key = secret.encode()
        self._max_size = max_size

    def close(self, topic: str, message: Message) -> bytes:
        """Return the frame of *message*.

        Raises:
            RejectedError: it is larger than allowed.
        """
        sender, kind, number, body = message
        if _OVERHEAD + len(body) > self._max_size:
            raise RejectedError("too_large")
        signed = _HEAD.pack(sender, kind, number, self._clock()) + body
        return bytes((VERSION,)) + self._signature(topic, signed) + signed

    def open(self, topic: str, frame: bytes, *, is_live: bool = True) -> Message:
        """Return the message in *frame*. If it is not *is_live* but was stored, it may have any
        age.

        Raises:
            RejectedError: it cannot be used.
        """
        if len(frame) > self._max_size:
            raise RejectedError("too_large")
        if len(frame) < _OVERHEAD:
            raise RejectedError("invalid")
        if frame[0] != VERSION:
            raise RejectedError("wrong_version")
        signature, signed = frame[1 : 1 + _SIGNATURE_SIZE], frame[1 + _SIGNATURE_SIZE :]
        if not hmac.compare_digest(signature, self._signature(topic, signed)):
            raise RejectedError("wrong_signature")
        sender, kind, number, sent = _HEAD.unpack_from(signed)
        if kind not in _KINDS:
            raise RejectedError("invalid")
        if is_live and not abs(self._clock() - sent) <= _MAX_AGE:
            raise RejectedError("expired")
        return Message(sender, Kind(kind), number, signed[_HEAD.size :])

    def _signature(self, topic: str, signed: bytes) -> bytes:
        return hmac.digest(self._key, b"%d %b\0%b" % (VERSION, topic.encode(), signed), "sha256")
