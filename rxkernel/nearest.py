"""The name that was meant, for messages about one that is not known."""

from collections.abc import Sequence


def nearest(name: str, names: Sequence[str], *, cutoff: float = 0.6) -> str | None:
    """The one of *names* most like *name*; None where the likeness of all is below *cutoff*."""
    from difflib import get_close_matches  # noqa: PLC0415 - large, and for mistakes only

    return next(iter(get_close_matches(name, names, n=1, cutoff=cutoff)), None)
