"""The patterns of `Cacher.clean`."""

import re

from bundles.gateway.broker.wildcards import matcher


class KeyPattern:
    """The part of *text* before a colon matches the name of an action, by the wildcard rules. The
    rest matches its parameters, where ``*`` is any text and ``?`` one character.

    The rules for names do not apply to parameters, which may have dots, so that ``users.*`` also
    removes the result for ``{"mail": "ada@example.com"}``.
    """

    def __init__(self, text: str) -> None:
        name, colon, rest = text.partition(":")
        self._matches_name = matcher(name)
        self._matches_rest = matcher(re.sub(r"\*+", "**", rest)) if colon else None
        self.glob = _glob(text if colon else f"{name}*")
        """A pattern of Redis that matches at least the same keys."""

    def matches(self, key: str) -> bool:
        name, colon, rest = key.partition(":")
        return self._matches_name(name) and (
            self._matches_rest is None or (colon != "" and self._matches_rest(rest))
        )


def _glob(text: str) -> str:
    return re.sub(r"[*?]+", "*", re.sub(r"([\\\[\]^])", r"\\\1", text))
