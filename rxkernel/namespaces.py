"""The syntax of Socket.IO namespaces in routes, in settings, and in packets of clients."""

import re

NAMESPACE_SYNTAX = r"/[^,?]{0,255}"
"""A regular expression. ``,`` ends the namespace of a packet, ``?`` begins its query."""

NAMESPACE_RULE = (
    "it must begin with '/', must not contain ',' or '?', and must not exceed 256 characters"
)

_NAMESPACE = re.compile(NAMESPACE_SYNTAX)


def is_namespace(value: object) -> bool:
    """Whether *value* can be the namespace of an event."""
    return isinstance(value, str) and _NAMESPACE.fullmatch(value) is not None
