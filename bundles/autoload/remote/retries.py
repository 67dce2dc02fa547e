"""Decides whether a failed attempt is repeated, and when."""

import random
import re
from email.utils import parsedate_to_datetime

import attrs

from bundles.autoload.remote.exceptions import RemoteException, RemoteStatusException

TRANSIENT_STATUSES = frozenset((408, 429, 502, 503, 504))
"""Statuses of RFC 9110 and RFC 6585 after which the same request may succeed."""

IDEMPOTENT_VERBS = frozenset(("GET", "HEAD", "OPTIONS", "PUT", "DELETE"))
"""Idempotent methods (RFC 9110 §9.2.2): several equal requests have the effect of one."""

_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


@attrs.frozen
class Retries:
    """At most *count* repetitions, with delays that double from *delay* to *max_delay* seconds.

    *is_repeatable*: whether a request may be repeated even if the service may have received it.
    """

    count: int
    delay: float
    max_delay: float
    is_repeatable: bool

    def delay_after(self, failures: int, exc: RemoteException) -> float | None:
        """Return the seconds to wait after *failures* failed attempts, of which *exc* is the last;
        None: the call has failed.

        The delay is shortened at random by up to a half, so that clients do not all repeat their
        requests at the same time. ``Retry-After`` is the minimum; if it is longer than
        *max_delay*, the call has failed.
        """
        if failures > self.count or not exc.is_transient:
            return None
        if exc.was_sent and not self.is_repeatable:
            return None
        longest = min(self.delay * 2.0 ** min(failures - 1, 32), self.max_delay)
        delay = longest * random.uniform(0.5, 1.0)
        if isinstance(exc, RemoteStatusException) and exc.retry_after is not None:
            return max(delay, exc.retry_after) if exc.retry_after <= self.max_delay else None
        return delay


def seconds_of_retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds of the header ``Retry-After`` (RFC 9110 §10.2.3), a number or a date.

    None if it is missing or invalid; 0 for a date that has passed.

    Args:
        now: seconds since the epoch.
    """
    if value is None:
        return None
    if _SECONDS.fullmatch(value):
        return float(value)
    try:
        return max(parsedate_to_datetime(value).timestamp() - now, 0.0)
    except (OverflowError, TypeError, ValueError):
        return None
