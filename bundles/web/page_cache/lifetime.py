"""How long a page is kept, as handlers write it."""

import math

from bundles.contracts.schemas.quantities import parse_duration


def seconds_of(lifetime: float | str) -> float:
    """Return the seconds of a number of seconds, or of a duration such as ``1h 30m``.

    Raises:
        ValueError: it is neither, or less than 0. Not a `ValidationError`, which would be an
            error of the client.
    """
    try:
        if isinstance(lifetime, str):
            return parse_duration(lifetime).total_seconds()
        if not isinstance(lifetime, bool) and 0 <= lifetime < math.inf:
            return float(lifetime)
    except (TypeError, ValueError):
        pass
    raise ValueError(
        f"client.cache({lifetime!r}): write seconds, 0 or more, or a duration such as '1h 30m'"
    )
