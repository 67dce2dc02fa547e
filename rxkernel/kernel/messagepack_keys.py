"""Searches MessagePack for maps with keys that are not strings, without building the maps.

A client can choose the hashes of such keys, see `hash_collisions`, but not the hashes of strings.
"""

from types import MappingProxyType

_STRINGS = frozenset((*range(0xA0, 0xC0), 0xD9, 0xDA, 0xDB))
_MAPS = frozenset((*range(0x80, 0x90), 0xDE, 0xDF))

_SIZES = MappingProxyType(
    {
        **dict.fromkeys(
            (*range(0x80), *range(0xE0, 0x100), 0xC0, 0xC2, 0xC3), 1
        ),  # int, nil, bool
        **{0xA0 + length: 1 + length for length in range(32)},  # str
        **{0xCA: 5, 0xCB: 9},  # float
        **{0xCC + power: 1 + 2**power for power in range(4)},  # uint
        **{0xD0 + power: 1 + 2**power for power in range(4)},  # int
        **{0xD4 + power: 2 + 2**power for power in range(5)},  # ext
    }
)
"""The sizes of values whose first byte determines them."""

_LENGTHS = MappingProxyType(
    {
        **{0xC4 + power: (2**power, 0) for power in range(3)},  # bin
        **{0xC7 + power: (2**power, 1) for power in range(3)},  # ext, with a type
        **{0xD9 + power: (2**power, 0) for power in range(3)},  # str
    }
)
"""For values that have their length after the first byte: the size of the length, and of the bytes
between it and the data."""

_COUNTS = MappingProxyType({0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4})
"""The size of the number of parts of large arrays and maps."""

_SMALL = 1024


def has_other_keys(raw: bytes) -> bool:
    """Whether a map in *raw*, valid MessagePack, has a key that is not a string.

    It is False if *raw* is too small for many keys, or has no map with more than 15 keys. Data
    after an error in *raw* is not searched.
    """
    if len(raw) <= _SMALL or not (b"\xde" in raw or b"\xdf" in raw):
        return False
    try:
        return _search(raw)
    except (KeyError, IndexError):  # no such type; the end is missing
        return False


def _search(raw: bytes) -> bool:
    position, missing, in_map = 0, 1, False
    outer: list[tuple[int, bool]] = []  # the arrays and maps around this one
    while True:
        while not missing:
            if not outer:
                return False
            missing, in_map = outer.pop()
        kind = raw[position]
        if in_map and not missing & 1 and kind not in _STRINGS:
            return True
        missing -= 1
        if (size := _SIZES.get(kind)) is not None:
            position += size
        elif (length := _LENGTHS.get(kind)) is not None:
            width, extra = length
            start = position + 1 + width
            position = start + extra + int.from_bytes(raw[position + 1 : start])
        else:
            outer.append((missing, in_map))
            in_map = kind in _MAPS
            if kind < 0xA0:
                count, position = kind & 0x0F, position + 1
            else:
                end = position + 1 + _COUNTS[kind]
                count, position = int.from_bytes(raw[position + 1 : end]), end
            missing = 2 * count if in_map else count
