"""The patterns of `Cacher.clean`."""

import re

from bundles.gateway.broker.wildcards import matcher


class KeyPattern:
    """*text* before a colon matches the name of an action by the wildcard rules; the rest matches
    its parameters, where ``*`` is any text and ``?`` one character.

    A name with a version has a dot, and values may have dots: the rules for names do not apply to
    parameters, so that ``users.*`` removes the result for ``{"mail": "ada@example.com"}`` too.
    """

    def __init__(self, text: str) -> None:
        name, colon, rest = text.partition(":")
        self._matches_name = matcher(name)
        self._matches_rest = matcher(re.sub(r"\*+", "**", rest)) if colon else None
        self.glob = _glob(text if colon else f"{name}*")
        """A pattern of Redis that matches the same keys, and perhaps more."""

    def matches(self, key: str) -> bool:
        name, colon, rest = key.partition(":")
        return self._matches_name(name) and (
            self._matches_rest is None or (colon != "" and self._matches_rest(rest))
        )


def _glob(text: str) -> str:
    return re.sub(r"[*?]+", "*", re.sub(r"([\\\[\]^])", r"\\\1", text))
