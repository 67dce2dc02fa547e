"""Limits how many values of a set, or keys of a mapping, have the same hash.

Python compares values with equal hashes: n of them cost n² comparisons. The hash of a number does
not depend on a secret, so a client can send many numbers with one hash, and also tuples and
instances that consist of numbers. The hashes of texts, bytes and dates depend on a secret (Python,
``object.__hash__``).
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from enum import Enum
from types import NoneType
from typing import Any, Literal, get_origin

MAX_EQUAL_HASHES = 32
"""Most different values of one set or mapping that may have the same hash."""

_SAFE = frozenset({str, bytes, date, bool, NoneType})


def has_chosen_hash(type_: Any) -> bool:
    """Whether a client can send many values of the scalar *type_* with the same hash."""
    is_enum = isinstance(type_, type) and issubclass(type_, Enum)
    return not (type_ in _SAFE or is_enum or get_origin(type_) is Literal)


def has_collisions(values: Sequence[Any]) -> bool:
    """Whether more than `MAX_EQUAL_HASHES` different *values* have the same hash.

    Raises:
        TypeError: a value has no hash.
    """
    if len(values) <= MAX_EQUAL_HASHES:
        return False
    # A set of hashes is safe: hashes are integers of 64 bits, few of which collide themselves.
    if len(values) - len(set(map(hash, values))) < MAX_EQUAL_HASHES:
        return False
    groups: defaultdict[int, list[Any]] = defaultdict(list)
    for value in values:
        group = groups[hash(value)]
        if value not in group:
            if len(group) == MAX_EQUAL_HASHES:
                return True
            group.append(value)
    return False
