"""The keys of channels in the log of the events."""

GLOBAL = "global"
"""The key of the events for all subscribers."""


def channel_key(name: object) -> str:
    """The key of the channel *name*.

    Raises:
        TypeError: *name* is not a str.
        ValueError: it is empty.
    """
    return f"channel {_checked(name, 'the name of a channel')}"


def user_key(identifier: object) -> str:
    """The key of the events for the user with *identifier*; raises as `channel_key`."""
    return f"user {_checked(identifier, 'the identifier of a user')}"


def _checked(given: object, what: str) -> str:
    if not isinstance(given, str):
        raise TypeError(f"{what} is {given!r}; it must be a str")
    if not given:
        raise ValueError(f"{what} is empty; write a name")
    return given
