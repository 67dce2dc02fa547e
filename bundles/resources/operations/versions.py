"""Versions of rows: the ``ETag`` of responses and the ``If-Match`` of requests (RFC 9110 §13).

The tag of a row with a version column (``version_id_col`` of SQLAlchemy) is this version, since
each ``UPDATE`` compares it too. The tag of another row is a hash of its view.
"""

import re
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import attrs

from bundles.resources.operations.facts import Facts

ANY = "*"
_TAG = re.compile(r'(?:W/)?"([^"]*)"')
_PLAIN = re.compile(r"[0-9]+")


@attrs.frozen
class Expected:
    """The versions that a client accepts; empty if it sent no condition."""

    tags: frozenset[str] = frozenset()

    @classmethod
    def of(cls, lines: Iterable[object]) -> "Expected":
        """Read the lines of ``If-Match``, or versions without quotes, which are sent over a
        socket.

        A weak tag is treated as a strong one, unlike in RFC 9110 §13.1.1: a server that compresses
        a response makes its tag weak, and the tag here is that of the row, not of the bytes.
        """
        found: set[str] = set()
        for line in lines:
            text = str(line).strip()
            found.update(_TAG.findall(text) or [text])
        return cls(frozenset(found))

    def __bool__(self) -> bool:
        return bool(self.tags)

    @property
    def is_any(self) -> bool:
        return ANY in self.tags


@attrs.frozen(eq=False)
class Versions:
    """Computes the tags of the rows of a resource.

    If the view has more than columns of the row, such as the name of its author, the tag is
    ``<version>.<hash of the view>``: both parts are compared for a stored response, and only the
    version for a change.
    """

    facts: Facts

    @property
    def has_hash(self) -> bool:
        return self.facts.version is None or not self.facts.view.is_own

    def tag_of(self, row: Any, encoded: bytes) -> str:
        """Return the tag without quotes. *encoded* is the view as JSON, needed if `has_hash`."""
        if self.facts.version is None:
            return _hash_of(encoded)
        version = _text_of(getattr(row, self.facts.version))
        return f"{version}.{_hash_of(encoded)}" if self.has_hash else version

    def matches(self, expected: Expected, tag: str) -> bool:
        """Whether the row with *tag* has one of the *expected* versions."""
        if expected.is_any:
            return True
        return _row_part(tag) in {_row_part(each) for each in expected.tags}


def _row_part(tag: str) -> str:
    return tag.partition(".")[0]


def _text_of(version: object) -> str:
    text = str(version)
    return text if _PLAIN.fullmatch(text) else _hash_of(text.encode())


def _hash_of(data: bytes) -> str:
    return blake2b(data, digest_size=12).hexdigest()
