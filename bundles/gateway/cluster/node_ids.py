"""The names of nodes, which are a part of topics."""

import re
from functools import lru_cache

_is_valid = lru_cache(maxsize=2000)(  # each packet has one
    re.compile(r"[^\s.*>\x00-\x1f\x7f]+(\.[^\s.*>\x00-\x1f\x7f]+)*").fullmatch
)

MOST_CHARACTERS = 200


def is_node_id(text: str) -> bool:
    """Whether *text* can name a node: 1 to 200 characters without spaces, control characters,
    ``*`` and ``>``, and without empty parts between dots."""
    return len(text) <= MOST_CHARACTERS and _is_valid(text) is not None
