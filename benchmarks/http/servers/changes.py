"""The changes that the last response listener makes, the same for rxkernel and raw aiohttp.

In most benchmarks it changes nothing: the listeners set attributes only.
"""

from collections.abc import Callable, MutableMapping
from itertools import count
from typing import Protocol


class HasHeaders(Protocol):
    """The common interface of both kinds of responses."""

    @property
    def headers(self) -> MutableMapping[str, str]: ...

    def set_cookie(self, name: str, value: str) -> None: ...


Change = Callable[[HasHeaders], None]

_numbers = count(100_000)


def one_header(response: HasHeaders) -> None:
    response.headers["X-Served-By"] = "server-7"


def varying_header(response: HasHeaders) -> None:
    """Each response has another value of the same length."""
    response.headers["X-Served-By"] = f"s-{next(_numbers)}"


def four_headers(response: HasHeaders) -> None:
    headers = response.headers
    headers["X-Served-By"] = "server-7"
    headers["Cache-Control"] = "no-store"
    headers["Content-Language"] = "en"
    headers["X-Version"] = "1.2.3"


def header_and_cookie(response: HasHeaders) -> None:
    response.headers["X-Served-By"] = "server-7"
    response.set_cookie("session", "0123456789abcdef")
