"""The lifetime of a page, as handlers write it."""

import math

from bundles.contracts.schemas.quantities import parse_duration


def seconds_of(lifetime: float | str) -> float:
    """Return *lifetime* in seconds; it is a number of seconds, or a duration such as ``1h 30m``.

    Raises:
        ValueError: it is neither, or less than 0. It is not a `ValidationError`, which would be
            an error of the client.
    """
    try:
        if isinstance(lifetime, str):
            return parse_duration(lifetime).total_seconds()
        if not isinstance(lifetime, bool) and 0 <= lifetime < math.inf:
            return float(lifetime)
    except (TypeError, ValueError):
        pass
    raise ValueError(
        f"client.cache({lifetime!r}): write a number of seconds, 0 or more, or a duration such as "
        f"'1h 30m'"
    )
