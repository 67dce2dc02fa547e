"""`@action`: a method that the broker calls by name."""

from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeVar, get_args

import attrs

from bundles.gateway.broker.bulkhead import Bulkhead
from bundles.gateway.broker.call_options import UNSET
from bundles.gateway.broker.transport import ACTIONS
from bundles.gateway.cachers.cache import Cache
from rxkernel import COUNT_OR_0, SECONDS_OR_0, BundleOption, ConfigurationError, procedure

F = TypeVar("F", bound=Callable[..., Any])

ACTION = BundleOption("action", "gateway", '"gateway"')

Visibility = Literal["published", "public", "protected", "private"]


@attrs.frozen(kw_only=True)
class ActionOptions:
    """The arguments of `@action`: the option `ACTION` of a definition.

    Attributes:
        name: the full name, with the version.
        cache: whether and how results are cached, see `Cache`.
        bulkhead: the limits of running and waiting calls, see `Bulkhead`; None: no limits.
        fallback: `UNSET` without a fallback.
    """

    name: str = attrs.field(repr=False)
    visibility: Visibility = "public"
    cache: Cache | bool = False
    timeout: float | None = None
    retries: int | None = None
    bulkhead: Bulkhead | None = None
    fallback: Any = attrs.field(default=UNSET, repr=False)

    def problems(self) -> Iterator[str]:
        if not isinstance(self.name, str) or not self.name or any(c.isspace() for c in self.name):
            yield f"its name is {self.name!r}; it must be text without spaces, such as 'math.add'"
        elif set(self.name) & set("*?"):
            yield f"its name is {self.name!r}; '*' and '?' are for patterns"
        if self.visibility not in get_args(Visibility):
            yield (
                f"visibility is {self.visibility!r}; it must be one of "
                f"{', '.join(get_args(Visibility))}"
            )
        if self.timeout is not None and not SECONDS_OR_0.holds(self.timeout):
            yield f"timeout is {self.timeout!r}; it must be {SECONDS_OR_0.text}"
        if self.retries is not None and not COUNT_OR_0.holds(self.retries):
            yield f"retries is {self.retries!r}; it must be {COUNT_OR_0.text}"
        if isinstance(self.bulkhead, Bulkhead):
            yield from self.bulkhead.problems()
        elif self.bulkhead is not None:
            yield (
                f"bulkhead is {self.bulkhead!r}; it must be Bulkhead(concurrency=…, "
                f"queue_size=…), or None"
            )


def action(
    name: str,
    *,
    version: int | str | None = None,
    cache: Cache | bool = False,
    visibility: Visibility = "public",
    timeout: float | None = None,
    retries: int | None = None,
    bulkhead: Bulkhead | None = None,
    fallback: Any = UNSET,
) -> Callable[[F], F]:
    """Let the broker call the decorated method as *name*, such as ``math.add``.

    It may be used on methods of controllers and of bound singletons, and on functions of a module
    that is a controller. If the caller passes an object, its fields are the parameters, and the
    object is the body, as for events without an envelope.

    Args:
        version: with ``2`` the full name is ``v2.math.add``, with ``"beta"`` ``beta.math.add``.
        cache: whether and how results are cached, see `Cache`. True: by all parameters.
        visibility: the callers that are allowed. ``published``: all, including clients of a
            gateway; ``public``: the broker, and a gateway whose whitelist has it; ``protected``:
            this node; ``private``: actions of the same service.
        bulkhead: the limits of running and waiting calls on this node, see `Bulkhead`; None: no
            limits.
        timeout, retries, fallback: see `Broker.call`.

    Raises:
        ConfigurationError: *name* is missing. Boot checks the other arguments.
    """
    if not isinstance(name, str):
        raise ConfigurationError(f"@action requires the name of the action, not {name!r}")
    options = ActionOptions(
        name=_versioned(name, version),
        visibility=visibility,
        cache=cache,
        timeout=timeout,
        retries=retries,
        bulkhead=bulkhead,
        fallback=fallback,
    )
    return procedure(
        lambda target: options.name, ACTIONS, options={ACTION: options}, arguments="value"
    )


def _versioned(name: str, version: int | str | None) -> str:
    if version is None:
        return name
    return f"v{version}.{name}" if isinstance(version, int) else f"{version}.{name}"
