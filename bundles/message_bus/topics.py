"""The names under which packets are published, which every bus accepts."""

import re
from functools import lru_cache

_LONGEST_TOPIC = 2000
"""Bytes. NATS closes a connection that sends a line of more than 4096."""

match_parts = re.compile(r"[^\s.*>\x00-\x1f\x7f]+(\.[^\s.*>\x00-\x1f\x7f]+)*").fullmatch
"""Matches text whose parts between dots can stand in a topic."""


@lru_cache(maxsize=10_000)
def check_topic(topic: str) -> None:
    """Reject a topic that would change a line of the protocol, or match several topics.

    A topic contains the names of nodes, which other nodes have chosen.

    Raises:
        ValueError: a part between dots is empty or has a space, a control character, ``*`` or
            ``>``, or the topic is too long.
    """
    if match_parts(topic) is None or len(topic.encode()) > _LONGEST_TOPIC:
        raise ValueError(
            f"invalid topic {topic!r:.200}; its parts between dots must not be empty or contain "
            f"spaces, control characters, '*' or '>', and it must have at most {_LONGEST_TOPIC} "
            f"bytes"
        )
