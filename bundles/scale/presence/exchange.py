"""The lists of present connections, which each process sends to the others."""

from collections.abc import Iterator

import attrs
import msgspec

from bundles.scale.bus.link import Link
from bundles.scale.bus.seal import Kind
from bundles.scale.presence.entry import Entry, Place
from bundles.scale.presence.occupants import Key, Occupants

HERE = b""
"""The key of this process in `Occupants`."""

_PART_SIZE = 65_536
"""Bytes of entries in one message; a longer list is sent in several messages."""
_VERSION_SIZE = 8

_encode = msgspec.msgpack.Encoder().encode


class Entered(msgspec.Struct, array_like=True, tag=1):
    """*entry* was added to the list of the sender, which has *version* now."""

    version: int
    entry: msgspec.Raw


class Left(msgspec.Struct, array_like=True, tag=2):
    """An entry was removed from the list of the sender, which has *version* now."""

    version: int
    namespace: str
    room: str
    id: str


class Ask(msgspec.Struct, array_like=True, tag=3):
    """The sender needs the whole list of the receiver."""


class Part(msgspec.Struct, array_like=True, tag=4):
    """The part *number*, from 0, of the list of the sender, which has *version*."""

    version: int
    number: int
    is_last: bool
    entries: list[msgspec.Raw]


_decode = msgspec.msgpack.Decoder(Entered | Left | Ask | Part).decode
_decode_entry = msgspec.msgpack.Decoder(Entry).decode


@attrs.define(eq=False)
class _Known:
    """The state of the list of another process: its version, None before the first one has
    arrived, and the parts of a list that has not arrived completely."""

    version: int | None = None
    parts: list[Entry] = attrs.field(factory=list)
    next_part: tuple[int, int] | None = None


class Exchange:
    """Keeps the lists of all processes in *occupants*, and sends the list of this process to the
    others.

    Each change increments the version of a list, and is sent to all processes. Each heartbeat has
    the version. So a process that has missed a change, or is new, requests the whole list. The
    list of a process that has ended is dropped.

    Args:
        max_message_size: most bytes of a message of *link*; an entry has at most half as many.

    Attributes:
        size: the bytes of the entries of this process.
    """

    def __init__(self, link: Link, occupants: Occupants, max_message_size: int) -> None:
        self.size = 0
        self._link = link
        self._occupants = occupants
        self._part_size = min(_PART_SIZE, max_message_size // 4)
        self._version = 0
        self._entries: dict[Key, bytes] = {}
        self._others: dict[bytes, _Known] = {}
        link.status = self._status
        link.heard = self._heard
        link.left.append(self._ended)
        link.handlers[Kind.PRESENCE] = self._received

    def enter(self, entry: Entry, encoded: bytes) -> bool:
        """Add *entry*, of a connection of this process; *encoded* is sent to the others. The
        result is that of `Link.send`."""
        key = (entry.place, entry.id)
        self.size += len(encoded) - len(self._entries.get(key, b""))
        self._entries[key] = encoded
        self._occupants.put(HERE, entry)
        self._version += 1
        return self._send(Entered(self._version, msgspec.Raw(encoded)))

    def leave(self, place: Place, id: str) -> bool:
        """Remove the entry of a connection of this process. The result is that of `Link.send`."""
        self.size -= len(self._entries.pop((place, id)))
        self._occupants.remove(HERE, place, id)
        self._version += 1
        return self._send(Left(self._version, *place, id))

    def _send(self, message: msgspec.Struct, to: bytes | None = None) -> bool:
        return self._link.send(Kind.PRESENCE, _encode(message), to)

    def _status(self) -> bytes:
        return self._version.to_bytes(_VERSION_SIZE, "big")

    def _heard(self, sender: bytes, status: bytes) -> None:
        known = self._others.setdefault(sender, _Known())
        version = int.from_bytes(status, "big")
        if known.version is None and version == 0:
            known.version = 0  # its list is empty
        elif known.version != version:
            self._send(Ask(), sender)

    def _ended(self, id: bytes) -> None:
        self._others.pop(id, None)
        self._occupants.replace(id, ())

    def _received(self, sender: bytes, body: bytes) -> None:
        message = _decode(body)
        if isinstance(message, Ask):
            for part in self._parts():
                self._send(part, sender)
        elif (known := self._others.get(sender)) is None:
            pass  # its first heartbeat has not arrived yet, or it has ended
        elif isinstance(message, Part):
            self._add(sender, known, message)
        elif message.version - 1 == known.version:  # else its next heartbeat makes us request it
            if isinstance(message, Entered):
                self._occupants.put(sender, _decode_entry(message.entry))
            else:
                place = Place(message.namespace, message.room)
                self._occupants.remove(sender, place, message.id)
            known.version = message.version

    def _parts(self) -> Iterator[Part]:
        part, size = Part(self._version, 0, False, []), 0
        for encoded in self._entries.values():
            if size > self._part_size:
                yield part
                part, size = Part(self._version, part.number + 1, False, []), 0
            part.entries.append(msgspec.Raw(encoded))
            size += len(encoded)
        part.is_last = True
        yield part

    def _add(self, sender: bytes, known: _Known, part: Part) -> None:
        if part.number == 0:
            known.parts = []
        elif known.next_part != (part.version, part.number):
            return  # a part is missing
        known.parts += map(_decode_entry, part.entries)
        known.next_part = (part.version, part.number + 1)
        if part.is_last:
            entries, known.parts, known.next_part = known.parts, [], None
            known.version = part.version
            self._occupants.replace(sender, entries)
