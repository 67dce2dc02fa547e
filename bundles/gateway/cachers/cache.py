"""`Cache`: whether and how the results of an action are cached."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs

from rxkernel import SECONDS

_TTL = SECONDS.or_none()


@attrs.frozen
class Cache:
    """``@action("math.add", cache=Cache(keys=("a", "b"), ttl=30))``; ``cache=True`` is `Cache()`.

    Attributes:
        keys: the values that identify a result: names of parameters, paths in them such as
            ``user.id``, and ``#`` with a path for a value of the meta. None: all parameters.
            Empty:
            all calls share one result.
        ttl: seconds until a result expires; None: the setting ``cache_ttl``.
        enabled: whether the cache is used; or a function of the `Context` of each call.
        lock: whether calls with the same key wait for the first one, and share its result.
    """

    keys: Sequence[str] | None = None
    ttl: float | None = None
    enabled: bool | Callable[[Any], object] = True
    lock: bool = False

    def problems(self) -> Iterator[str]:
        """Yield the errors in the values."""
        if isinstance(self.keys, str):
            yield f"keys is {self.keys!r}; it must be a sequence of texts: keys=({self.keys!r},)"
        elif self.keys is not None:
            for key in self.keys:
                if not isinstance(key, str) or "" in key.removeprefix("#").split("."):
                    yield f"the key {key!r} must be a path, such as 'id', 'user.id' or '#user.id'"
        if not _TTL.holds(self.ttl):
            yield f"ttl is {self.ttl!r}; it must be {_TTL.text}"
        if inspect.iscoroutinefunction(self.enabled):
            yield "enabled is an async function; it must be a plain one, or a bool"
        elif not isinstance(self.enabled, bool) and not callable(self.enabled):
            yield f"enabled is {self.enabled!r}; it must be a bool, or a function of the context"
        if not isinstance(self.lock, bool):
            yield f"lock is {self.lock!r}; it must be a bool"

    @property
    def reads_meta(self) -> bool:
        """Whether a value of the meta is a part of the key."""
        return any(key.startswith("#") for key in self.keys or ())


def cache_of(given: object) -> Cache | None:
    """Return the `Cache` for the argument ``cache`` of an action; None without a cache.

    Raises:
        TypeError: *given* is neither a bool nor a `Cache`.
    """
    if given is None or given is False:
        return None
    if given is True:
        return Cache()
    if not isinstance(given, Cache):
        raise TypeError(f"cache is {given!r}; it must be True, False or Cache(keys=…, ttl=…)")
    return given if given.enabled is not False else None
