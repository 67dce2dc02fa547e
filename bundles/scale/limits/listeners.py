"""Enforces the limits of definitions, over every transport, before the body is read."""

import math
from hashlib import blake2b
from typing import Any

import attrs
from injector import inject

from bundles.scale.limits.counts import Counts
from bundles.scale.limits.limit import OPTION, Limit, Limits
from bundles.scale.limits.memory_counts import MemoryCounts
from rxkernel import (
    DOCUMENTATION,
    ConfigurationError,
    Definition,
    DefinitionEvent,
    Documentation,
    HeadEvent,
    KernelEvents,
    Settings,
    TooManyRequestsException,
    documentation_of,
    observe,
)

_AFTER_ACCESS = 50
"""The priority in ``kernel.head``: after the bundle security, which sets the user; calls that it
refuses are not counted."""

_LAST = -1000
"""The priority in ``kernel.definition``: after other bundles have set their documentation."""

_LONGEST_KEY = 64
"""Characters of a key. A longer one, which a client may have sent, is stored as its hash."""


def _is_limited(definition: Definition) -> bool:
    return OPTION in definition.options


class LimitListeners:
    @inject
    def __init__(self, counts: Counts, settings: Settings) -> None:
        self._counts = counts
        self._has_workers = settings.http.reuse_port

    @observe(KernelEvents.KERNEL_DEFINITION, priority=_LAST, only=_is_limited)
    async def compile(self, event: DefinitionEvent) -> None:
        """Check the limits of a definition, and add the status 429 to its documentation.

        Raises:
            ConfigurationError: all problems.
        """
        definition = event.definition
        if self._has_workers and isinstance(self._counts, MemoryCounts):
            raise ConfigurationError(
                f"route {definition.metadata.key!r} ({definition.metadata.location}) has a limit, "
                f'but scale.limits is "memory", so each worker would count separately; set it to '
                f'"redis"'
            )
        event.set_option(OPTION, Limits(_compiled(definition)))
        found = documentation_of(definition) or Documentation()
        statuses = tuple(sorted({*found.statuses, TooManyRequestsException.status_code}))
        event.set_option(DOCUMENTATION, attrs.evolve(found, statuses=statuses))

    @observe(KernelEvents.KERNEL_HEAD, priority=_AFTER_ACCESS, only=_is_limited)
    async def enforce(self, event: HeadEvent) -> None:
        """Count the call, if all limits allow it.

        Raises:
            TooManyRequestsException: a limit does not allow it.
        """
        request = event.request
        limits: Limits = request.definition.options[OPTION]
        rates = [
            (item, f"{limit.scope}/{_short(key)}")
            for limit in limits.all
            if (key := limit.key(request)) is not None
            for item in limit.items
        ]
        if rates and (seconds := await self._counts.take(rates)) > 0:
            raise _too_many(seconds)


def _compiled(definition: Definition) -> tuple[Limit, ...]:
    """The limits of *definition*, each with its scope.

    Raises:
        ConfigurationError: all problems.
    """
    metadata = definition.metadata
    given: Any = definition.options[OPTION]
    if not isinstance(given, Limits) or not given.all:
        raise ConfigurationError(
            f"the limit of route {metadata.key!r} ({metadata.location}) has no rate; write "
            f'@limit("10/minute")'
        )
    problems = [problem for limit in given.all for problem in limit.problems()]
    if problems:
        place = f"the limit of route {metadata.key!r} ({metadata.location})"
        raise ConfigurationError(*(f"{place}: {problem}" for problem in problems))
    return tuple(
        attrs.evolve(limit, scope=f"{metadata.place}/{number}")
        for number, limit in enumerate(given.all)
    )


def _short(key: str | int) -> str:
    text = str(key)
    if len(text) <= _LONGEST_KEY:
        return text
    return blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def _too_many(seconds: float) -> TooManyRequestsException:
    return TooManyRequestsException(
        "too many calls; try again later",
        code="limit_exceeded",
        headers={"Retry-After": str(math.ceil(seconds))},
    )
