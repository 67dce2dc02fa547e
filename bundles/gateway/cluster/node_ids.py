"""The names of nodes, which are a part of topics."""

import re

_is_node_id = re.compile(r"[^\s.*>\x00-\x1f\x7f]+(\.[^\s.*>\x00-\x1f\x7f]+)*").fullmatch

MOST_CHARACTERS = 200


def is_node_id(text: str) -> bool:
    """Whether *text* can name a node: 1 to 200 characters without spaces, control characters,
    ``*`` and ``>``, and without empty parts between dots."""
    return len(text) <= MOST_CHARACTERS and _is_node_id(text) is not None
