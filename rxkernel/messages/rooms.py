"""The names of rooms, as applications pass them."""

from collections.abc import Iterable, Sequence


def check_room(room: object) -> None:
    """Check the name of one room. None would mean the room that contains every client.

    Raises:
        TypeError: *room* is not a str.
    """
    if not isinstance(room, str):
        raise TypeError(f"room is {room!r:.200}; pass a str")


def rooms_of(given: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the rooms in *given*, one or several, without duplicates. None stays None.

    Raises:
        TypeError: a room is not a str.
    """
    if given is None:
        return None
    if isinstance(given, str):
        return (given,)
    rooms = tuple(dict.fromkeys(given)) if isinstance(given, Iterable) else (given,)
    if not all(isinstance(room, str) for room in rooms):
        raise TypeError(f"room is {given!r:.200}; pass a str, several of them, or None for all")
    return rooms
