"""A limit for each address, for actions of an application."""

import time

from bundles.security.logins.rate_limit import RateLimit, too_many
from bundles.sessions.addresses import address_of
from rxkernel import Request, network_of

_MAX_TRACKED = 20_000


class AddressLimit:
    """At most *limit* uses within *window* seconds for each address, in the memory of the process.
    IPv6 addresses of one /64 network count as one. For sign-ups, for example.

    Args:
        code: the error code of the response.

    Raises:
        ValueError: *limit* or *window* is not positive.
    """

    def __init__(self, limit: int, window: float, code: str) -> None:
        if limit < 1 or window <= 0:
            raise ValueError(
                f"the limit is {limit} and the window {window} s; both must be greater than 0"
            )
        self._limit = RateLimit(limit, window, _MAX_TRACKED)
        self._code = code

    def use(self, request: Request) -> None:
        """Count a use of the client of *request*.

        Raises:
            TooManyRequestsException: it has no use left; with ``Retry-After``.
        """
        self.check(request)
        self.count(request)

    def check(self, request: Request) -> None:
        """Return if the client of *request* has a use left; it is not counted. Use it with `count`
        to count only uses that failed.

        Raises:
            TooManyRequestsException: as `use`.
        """
        seconds = self._limit.wait(_key_of(request), time.monotonic())
        if seconds > 0:
            raise too_many("too many requests from this address", self._code, seconds)

    def count(self, request: Request) -> None:
        """Count a use of the client of *request*, even above the limit."""
        self._limit.add(_key_of(request), time.monotonic())


def _key_of(request: Request) -> str:
    return network_of(address_of(request))
