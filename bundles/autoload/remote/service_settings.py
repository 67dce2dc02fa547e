"""The settings of a remote service, from its file ``_service.py``."""

import math
import re
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import Any, Self

import attrs
from yarl import URL

from bundles.autoload.remote.file_keys import MAPPING, FileKeys
from bundles.autoload.remote.header_fields import read_headers
from rxkernel import COUNT, COUNT_OR_0, SECONDS, SECONDS_OR_0, SIZE, Allowed, ConfigurationError

_SHARE = Allowed("a number, more than 0 and at most 1", (int, float), lambda share: 0 < share <= 1)
_LIST = Allowed("a list", (list, tuple))

RETRIES, TIMEOUT = COUNT_OR_0, SECONDS
"""The settings that a remote method may override."""

_PERIOD = re.compile(r"([1-9][0-9]{0,8})([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _period(value: int | float | str) -> float:
    """Return the seconds of *value*, which `_IS_PERIOD` allows."""
    if isinstance(value, str) and (found := _PERIOD.fullmatch(value)):
        return int(found[1]) * _UNITS[found[2]]
    return float(value)


_IS_PERIOD = Allowed(
    "seconds, more than 0, or a text such as '1s', '10m', '1h' or '1d'",
    (int, float, str),
    lambda value: _PERIOD.fullmatch(value) if isinstance(value, str) else 0 < value < math.inf,
)


def _is_url(text: str) -> bool:
    url = _parsed(text)
    return url is not None and not url.query_string and not url.fragment and "?" not in text


def _is_origin(text: str) -> bool:
    return _is_url(text) and URL(text).path == "/"


def _parsed(text: str) -> URL | None:
    try:
        url = URL(text)
        is_usable = url.scheme in ("http", "https") and url.host and url.port and not url.user
    except ValueError:
        return None
    is_plain = text.isprintable() and " " not in text and ".." not in text.split("/")
    return url if is_usable and is_plain and url.password is None else None


_URL = Allowed(
    "a URL http://host/path or https://host/path, without user, password, query and fragment",
    (str,),
    _is_url,
)
_ORIGIN = Allowed("an origin such as 'https://example.com'", (str,), _is_origin)


@attrs.frozen
class RateLimit:
    """At most *calls* start within any *period* seconds."""

    calls: int
    period: float


@attrs.frozen
class QueueSettings:
    """At most *concurrency* calls run at a time; at most *size* wait, for *timeout* seconds."""

    concurrency: int
    size: int
    timeout: float

    @classmethod
    def read(cls, keys: FileKeys) -> Self:
        queue = cls(
            keys.take("concurrency", COUNT, 100),
            keys.take("size", COUNT_OR_0, 100),
            keys.take("timeout", SECONDS, 5.0),
        )
        keys.finish()
        return queue


@attrs.frozen
class BreakerSettings:
    """The circuit opens for *pause* seconds when at least *failures* attempts, and at least the
    share *ratio* of all attempts, have failed within *window* seconds."""

    failures: int
    ratio: float
    window: float
    pause: float

    @classmethod
    def read(cls, keys: FileKeys) -> Self:
        breaker = cls(
            keys.take("failures", COUNT, 5),
            keys.take("ratio", _SHARE, 0.5),
            keys.take("window", SECONDS, 30.0),
            keys.take("pause", SECONDS, 10.0),
        )
        keys.finish()
        return breaker


@attrs.frozen
class ServiceSettings:
    """All settings; docs/bundles/autoload-bus.md describes them."""

    url: str = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False)
    timeout: float
    attempt_timeout: float
    retries: int
    retry_delay: float
    max_retry_delay: float
    limits: tuple[RateLimit, ...]
    queue: QueueSettings
    breaker: BreakerSettings
    max_response_size: int
    redirects: int
    redirect_origins: frozenset[URL]

    @cached_property
    def origin(self) -> URL:
        """The origin of `url`; ``headers`` are sent only to this origin."""
        return URL(self.url).origin()

    @classmethod
    def of(cls, values: Mapping[str, Any], own: Collection[str] | None = None) -> Self:
        """Read the names of a file; those in *own* must be keys.

        Raises:
            ConfigurationError: lists every error.
        """
        keys = FileKeys(values, own=own)
        timeout = keys.take("timeout", TIMEOUT, 10.0)
        settings = cls(
            url=str(URL(keys.require("url", _URL) or "")).rstrip("/"),
            headers=read_headers(keys),
            timeout=timeout,
            attempt_timeout=keys.take("attempt_timeout", TIMEOUT, timeout),
            retries=keys.take("retries", RETRIES, 2),
            retry_delay=keys.take("retry_delay", SECONDS_OR_0, 0.2),
            max_retry_delay=keys.take("max_retry_delay", SECONDS_OR_0, 5.0),
            limits=tuple(_limits(keys)),
            queue=QueueSettings.read(keys.table("queue", "{'concurrency': 10}")),
            breaker=BreakerSettings.read(keys.table("circuit_breaker", "{'failures': 5}")),
            max_response_size=keys.take("max_response_size", SIZE, 10_485_760),
            redirects=keys.take("redirects", COUNT_OR_0, 5),
            redirect_origins=frozenset(_origins(keys)),
        )
        if settings.attempt_timeout > timeout:
            keys.reject(
                "attempt_timeout", f"must not exceed timeout, which is {timeout:g} seconds"
            )
        keys.finish()
        if keys.problems:
            raise ConfigurationError(*keys.problems)
        return settings


def _limits(keys: FileKeys) -> Iterable[RateLimit]:
    for index, limit in enumerate(keys.take("limits", _LIST, ())):
        if not MAPPING.holds(limit):
            keys.reject(f"limits[{index}]", "must be a mapping such as {'calls': 10, 'per': '1m'}")
            continue
        entry = keys.within(f"limits[{index}]", limit)
        calls = entry.require("calls", COUNT)
        period = entry.require("per", _IS_PERIOD)
        entry.finish()
        if calls and period:
            yield RateLimit(calls, _period(period))


def _origins(keys: FileKeys) -> Iterable[URL]:
    for index, origin in enumerate(keys.take("redirect_origins", _LIST, ())):
        if _ORIGIN.holds(origin):
            yield URL(origin).origin()
        else:
            keys.reject(f"redirect_origins[{index}]", f"must be {_ORIGIN.text}")
