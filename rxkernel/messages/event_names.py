"""The names of events, as applications pass them."""


def check_event(name: object) -> None:
    """Check the name of an event that is sent.

    Raises:
        TypeError: *name* is not a str.
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of the event is {name!r:.200}; pass a str")
