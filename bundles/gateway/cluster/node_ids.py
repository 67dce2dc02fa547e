"""The names of nodes, which are a part of topics, and the rule for the parts of both."""

import re
from functools import lru_cache

match_parts = re.compile(r"[^\s.*>\x00-\x1f\x7f]+(\.[^\s.*>\x00-\x1f\x7f]+)*").fullmatch
"""Matches text whose parts between dots can stand in a topic."""

_match_cached = lru_cache(maxsize=2000)(match_parts)  # each packet has a name

MOST_CHARACTERS = 200


def is_node_id(text: str) -> bool:
    """Whether *text* can name a node: 1 to 200 characters without spaces, control characters,
    ``*`` and ``>``, and without empty parts between dots."""
    return len(text) <= MOST_CHARACTERS and _match_cached(text) is not None
