"""`@limit`: how often a client may call an action, as a label that the bundle reads at boot."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, TypeVar

import attrs
from limits import RateLimitItem, parse_many

from bundles.scale.limits.keys import by_client
from rxkernel import BundleOption, Definition, Request, option, options_of

F = TypeVar("F", bound=Callable[..., Any])

OPTION = BundleOption("limit", "scale", '"scale"')

KeyFunction = Callable[[Request], str | int | None]
"""Returns the key of a call: calls with one key are counted together; None: this call is not
counted. It runs before the body is read: ``request.params`` has the path and the query."""


@attrs.frozen(repr=False)
class Limit:
    """The rate of calls that is allowed for each key.

    Attributes:
        rate: ``10/minute``, ``5 per 10 seconds`` or ``1/second; 100/hour``. The units are second,
            minute, hour, day, month (30 days) and year (360 days).
        key: returns the key of a call.
        items: *rate* as parsed by the library ``limits``; empty if it is invalid.
        scope: identifies the route and the limit in the keys of counts; set at boot.
    """

    rate: str
    key: KeyFunction = by_client
    scope: str = attrs.field(default="", kw_only=True, eq=False)
    items: tuple[RateLimitItem, ...] = attrs.field(init=False, eq=False)

    @items.default
    def _read(self) -> tuple[RateLimitItem, ...]:
        try:
            return tuple(dict.fromkeys(parse_many(self.rate)))
        except ValueError:
            return ()

    def __repr__(self) -> str:
        return self.rate if self.key is by_client else f"{self.rate} {_name_of(self.key)}"

    def problems(self) -> Iterator[str]:
        if not self.items:
            yield (
                f"the rate is {self.rate!r}; write a str such as '10/minute', with second, "
                f"minute, hour, day, month or year"
            )
        for item in self.items:
            if item.amount < 1:
                yield f"the rate {self.rate!r} allows no call; write a number of 1 or more"
        if not callable(self.key):
            yield (
                f"the key is {self.key!r}; write a function that takes the request and returns a "
                f"str, such as key=by_address"
            )
        elif inspect.iscoroutinefunction(self.key):
            yield f"the key {_name_of(self.key)} is an async def; write a plain def"
        elif not _takes_one(self.key):
            yield f"the key {_name_of(self.key)} must take one argument, the request"


@attrs.frozen(repr=False)
class Limits:
    """All limits of a definition: the value of its option."""

    bundle_option: ClassVar = OPTION

    all: tuple[Limit, ...]

    def __repr__(self) -> str:
        return "; ".join(map(repr, self.all))


def limit(*rates: str, key: KeyFunction = by_client) -> Callable[[F], F]:
    """Respond with 429 and ``Retry-After`` to calls of the decorated method above *rates*.

    ``@limit("10/minute")`` or ``@limit("2/second", "1000/day", key=by_address)``; see `Limit`. All
    rates apply, and those of further ``@limit`` on the method too. On a class they apply to each
    of its methods separately; the limits of a method replace those of its class. The calls of a
    method over all transports are counted together. Boot reports the problems of a limit.

    Args:
        key: returns the key of a call; the default is the user, else the address.
    """
    given = tuple(Limit(rate, key) for rate in rates)

    def label(labelled: F) -> F:
        return option(OPTION, Limits((*given, *_on(labelled))))(labelled)

    return label


def limits_of(definition: Definition) -> tuple[Limit, ...]:
    """Return the limits of *definition*; empty without limits."""
    found = definition.options.get(OPTION)
    return found.all if isinstance(found, Limits) else ()


def _on(labelled: Any) -> tuple[Limit, ...]:
    """The limits of *labelled* itself, without those of its base classes."""
    found = options_of(labelled).get(OPTION)
    bases = labelled.__mro__[1:] if isinstance(labelled, type) else ()
    if not isinstance(found, Limits) or any(
        options_of(base).get(OPTION) is found for base in bases
    ):
        return ()
    return found.all


def _takes_one(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return False
    except ValueError:  # a builtin without a signature
        return True
    return True


def _name_of(function: Any) -> str:
    return getattr(function, "__name__", None) or repr(function)
