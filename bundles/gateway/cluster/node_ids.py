"""The names of nodes, which are parts of topics."""

from functools import lru_cache

from bundles.message_bus import match_parts

_match_cached = lru_cache(maxsize=2000)(match_parts)  # each packet has a name

MOST_CHARACTERS = 200


def is_node_id(text: str) -> bool:
    """Whether *text* can name a node: 1 to 200 characters without spaces, control characters,
    ``*`` and ``>``, and without empty parts between dots."""
    return len(text) <= MOST_CHARACTERS and _match_cached(text) is not None
