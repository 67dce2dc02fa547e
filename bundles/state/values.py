"""The values of a state: JSON, without null outside of lists."""

import hashlib
import math
from collections.abc import Iterator
from typing import Any

import msgspec

from bundles.state.exceptions import StateFullException
from bundles.state.paths import DEEPEST_PATH, LONGEST_PATH, bytes_of

SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**63 - 1

_SIZE_OF_SCALAR = 8
_SIZE_OF_ITEM = 4

SCALARS = frozenset({bool, float, int, str, type(None)})
"""The types of values that cannot be changed, so they need no copies."""


class Cleaner:
    """Copies one value of the application and checks it.

    Attributes:
        size: about the bytes of the copy as JSON, see `measure`; also those of keys that are
            dropped.

    Args:
        path: where the value will be; errors name it.
        max_size: the most bytes.
        setting: the one that has *max_size*.
    """

    def __init__(self, path: str, max_size: int, setting: str = "state.max_value_size") -> None:
        self.size = 0
        self._path = path
        self._max_size = max_size
        self._setting = setting

    def clean(self, value: Any, depth: int) -> Any:
        """A copy of *value* that shares nothing with it. Keys whose value is None are dropped from
        dicts, and so are dicts without keys: they mean that the path has no value.

        Args:
            depth: the parts of the path of *value*.

        Raises:
            TypeError: it contains something that JSON does not have.
            ValueError: it is too deep, or it contains a number or a text that JSON cannot
                represent, or a key that cannot be part of a path.
            StateFullException: it has more than *max_size* bytes.
        """
        return self._node(value, depth, len(self._path) if depth else -1)

    def _node(self, value: Any, depth: int, length: int) -> Any:
        """See `clean`. *length* is that of the path; -1 for the root of all paths."""
        if type(value) is not dict:
            return self._clean(value, depth)
        if depth >= DEEPEST_PATH:
            raise ValueError(f"the value for {self._path!r} has more than {DEEPEST_PATH} levels")
        return self._fields(value, depth, length) or None

    def _clean(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind in SCALARS:
            self._grow(bytes_of(value) if kind is str else _SIZE_OF_SCALAR)
            return _number(value, self._path) if kind in (int, float) else value
        if depth >= DEEPEST_PATH:
            raise ValueError(f"the value for {self._path!r} has more than {DEEPEST_PATH} levels")
        if kind in (list, tuple):
            return [self._item(item, depth + 1) for item in value]
        raise TypeError(
            f"the value for {self._path!r} contains an object of type {kind.__name__}; allowed "
            f"are dict, list, tuple, str, int, float, bool and None"
        )

    def _fields(self, value: dict[Any, Any], depth: int, length: int) -> dict[str, Any]:
        fields = {}
        for name, item in value.items():
            self._check_name(name)
            if not name or "." in name:
                raise ValueError(
                    f"the value for {self._path!r} contains the key {name[:50]!r}; the keys of "
                    f"dicts are parts of paths, so they must not be empty or contain '.'"
                )
            below = length + 1 + len(name)
            if below > LONGEST_PATH:
                raise ValueError(
                    f"the value for {self._path!r} has a path of {below} characters; at most "
                    f"{LONGEST_PATH} are allowed"
                )
            cleaned = self._node(item, depth + 1, below)
            if cleaned is not None:
                fields[name] = cleaned
        return fields

    def _item(self, value: Any, depth: int) -> Any:
        """A part of a list, which no path names."""
        self._grow(_SIZE_OF_ITEM)
        if type(value) is not dict:
            return self._clean(value, depth)
        if depth >= DEEPEST_PATH:
            raise ValueError(f"the value for {self._path!r} has more than {DEEPEST_PATH} levels")
        for name in value:
            self._check_name(name)
        return {name: self._item(item, depth + 1) for name, item in value.items()}

    def _check_name(self, name: Any) -> None:
        if type(name) is not str:
            raise TypeError(
                f"the value for {self._path!r} contains the key {name!r:.50}; the keys of dicts "
                f"must be str"
            )
        if len(name) > LONGEST_PATH:
            raise ValueError(
                f"the value for {self._path!r} contains a key of {len(name)} characters; at most "
                f"{LONGEST_PATH} are allowed"
            )
        self._grow(bytes_of(name))

    def _grow(self, size: int) -> None:
        self.size += size
        if self.size > self._max_size:
            raise StateFullException(
                f"the value for {self._path!r} has more than {self._max_size} bytes; "
                f"{self._setting} is {self._max_size}"
            )


def check_number(value: Any, path: str) -> int | float:
    """*value* if it is a number that a state can have.

    Raises:
        TypeError: it is not an int or a float.
        ValueError: it is not finite, or an integer of more than 64 bits.
    """
    if type(value) not in (int, float):
        raise TypeError(
            f"{path!r} can be changed by an int or a float, not {type(value).__name__}"
        )
    number: int | float = _number(value, path)
    return number


def _number(value: Any, path: str) -> Any:
    if not is_number(value):
        is_large = type(value) is int  # Python does not write one of 5,000 digits
        found = f"an integer of {value.bit_length()} bits" if is_large else repr(value)
        raise ValueError(
            f"the value for {path!r} contains {found}; numbers must be finite, and integers have "
            f"at most 64 bits"
        )
    return value


def is_number(value: Any) -> bool:
    """Whether *value* is a number that a state can have. A ``bool`` is not."""
    if type(value) is int:
        return SMALLEST_INTEGER <= value <= LARGEST_INTEGER
    return type(value) is float and math.isfinite(value)


def copy_of(value: Any) -> Any:
    """A copy of *value* that shares no dict and no list with it."""
    kind = type(value)
    if kind is dict:
        return {name: copy_of(item) for name, item in value.items()}
    return [copy_of(item) for item in value] if kind is list else value


def fork(node: Any) -> Any:
    """A copy of the dicts of *node*. Its leaves are shared, since a tree never changes them."""
    if type(node) is not dict:
        return node
    return {name: fork(child) for name, child in node.items()}


def measure(node: Any) -> tuple[int, int]:
    """The paths of *node*, which are its own and those below, and about its bytes as JSON; both 0
    for None."""
    kind = type(node)
    if kind is dict:
        paths, size = 1, 0
        for name, child in node.items():
            count, bytes_ = measure(child)
            paths += count
            size += bytes_ + bytes_of(name)
        return paths, size
    if node is None:
        return 0, 0
    return 1, _size_of(node)


def _size_of(value: Any) -> int:
    kind = type(value)
    if kind is str:
        return bytes_of(value)
    if kind is list:
        return sum(_SIZE_OF_ITEM + _size_of(item) for item in value)
    if kind is dict:
        return sum(_SIZE_OF_ITEM + bytes_of(name) + _size_of(item) for name, item in value.items())
    return _SIZE_OF_SCALAR


def leaves_of(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The paths and the values of the leaves of *node*, which is at *path*."""
    if type(node) is dict:
        for name, child in node.items():
            yield from leaves_of(child, f"{path}.{name}" if path else name)
    elif node is not None:
        yield path, node


def decode(data: bytes) -> Any:
    """The value of the JSON *data*.

    Raises:
        ValueError: it is not JSON, or its lists and objects are nested too deeply.
    """
    try:
        return msgspec.json.decode(data)
    except RecursionError as exc:
        raise ValueError("its lists and objects are nested too deeply") from exc


def digest(node: Any) -> str | None:
    """A text that is the same for the same values only; None for no value."""
    if node is None:
        return None
    return hashlib.sha256(msgspec.json.encode(node, order="deterministic")).hexdigest()[:32]


def is_same(one: Any, other: Any) -> bool:
    """Whether two leaves have the same JSON: ``1``, ``1.0`` and ``true`` differ."""
    if type(one) is not type(other):
        return False
    return digest(one) == digest(other) if type(one) is list else bool(one == other)
