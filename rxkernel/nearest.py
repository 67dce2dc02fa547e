"""Finds the known name that is most similar to an unknown one, for error messages."""

from collections.abc import Sequence


def nearest(name: str, names: Sequence[str], *, cutoff: float = 0.6) -> str | None:
    """The most similar of *names* to *name*; None if no similarity reaches *cutoff* (0 to 1)."""
    from difflib import get_close_matches  # noqa: PLC0415 - large, and for mistakes only

    return next(iter(get_close_matches(name, names, n=1, cutoff=cutoff)), None)
