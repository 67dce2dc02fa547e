"""Wraps actions with their cache, when they are compiled."""

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from injector import inject

from bundles.gateway.broker.action import ACTION, ActionOptions
from bundles.gateway.broker.context import Context, ContextMarker
from bundles.gateway.broker.transport import ACTIONS
from bundles.gateway.cachers.cache import Cache, cache_of
from bundles.gateway.cachers.cache_key import CacheKey
from bundles.gateway.cachers.cacher import Cacher, Codec
from bundles.gateway.cachers.no_cacher import NoCacher
from bundles.gateway.cachers.shared_runs import Outcome, SharedRuns
from bundles.gateway.settings import GatewaySettings
from rxkernel import (
    ConfigurationError,
    Definition,
    DefinitionEvent,
    Kernel,
    KernelEvents,
    Parameter,
    Request,
    Response,
    Settings,
    Source,
    observe,
)

logger = logging.getLogger(__name__)

Action = Callable[[Request], Awaitable[Any]]

_OF_THE_MESSAGE = (Source.CONNECTION, Source.COOKIE, Source.HEADER, Source.RESOLVER)


def _has_cache(definition: Definition) -> bool:
    options = definition.options.get(ACTION)
    return definition.transport is ACTIONS and bool(getattr(options, "cache", None))


class Caching:
    """Looks up results after the access rules and the listeners of the request, and before the
    arguments are read."""

    @inject
    def __init__(
        self, cacher: Cacher, settings: GatewaySettings, kernel: Kernel, application: Settings
    ) -> None:
        self._cacher = cacher
        self._is_separate = application.http.reuse_port and settings.cacher in ("memory", "lru")
        self._name = settings.cacher
        self._max_length = settings.cache_max_params_length or None
        self._to_plain = kernel.serializer.to_plain
        self._runs = SharedRuns()

    @observe(KernelEvents.KERNEL_DEFINITION, only=_has_cache)
    async def wrap(self, event: DefinitionEvent) -> None:
        definition = event.definition
        options: ActionOptions = definition.options[ACTION]
        try:
            cache = cache_of(options.cache)
        except TypeError as exc:
            raise ConfigurationError(f"{_place(definition)}: {exc}") from exc
        if cache is None:
            return
        problems = list(cache.problems()) or list(_problems_of(cache, definition))
        if problems:
            raise ConfigurationError(
                *(f"the cache of {_place(definition)} is invalid: {one}" for one in problems)
            )
        if not isinstance(self._cacher, NoCacher):
            signature = definition.signature
            names = [p.key for p in signature.parameters if p.source is Source.PARAMS]
            key = CacheKey(options.name, cache.keys, self._max_length, self._to_plain, names)
            codec = self._cacher.codec(signature.returns, signature.scalars)
            cached = CachedAction(cache, key, self._cacher, codec, self._runs)
            event.wrap(cached.around)
            self._warn_once()

    def _warn_once(self) -> None:
        """Log a cache in memory, if there are several workers. Boot does not refuse it: results
        that only expire need no more."""
        if self._is_separate:
            self._is_separate = False
            logger.warning(
                'gateway.cacher is "%s", so each worker caches results of its own, and '
                "broker.cacher.clean and delete remove only those of their worker; set it to "
                '"redis", or run one worker',
                self._name,
            )


class CachedAction:
    """The cache of one action."""

    def __init__(
        self, cache: Cache, key: CacheKey, cacher: Cacher, codec: Codec, runs: SharedRuns
    ) -> None:
        self._is_enabled = cache.enabled if callable(cache.enabled) else None
        self._is_locked = cache.lock
        self._ttl = cache.ttl
        self._key = key
        self._cacher = cacher
        self._codec = codec
        self._runs = runs
        self._is_reported = False

    def around(self, action: Action) -> Action:
        async def cached(request: Request) -> Any:
            context = request.native
            if not isinstance(context, Context) or not self._is_used(context):
                return await action(request)
            key = self._key.of(context, request.user)
            value = self._decoded(key, await self._cacher.read(key))
            if value is None:
                if not self._is_locked:
                    return (await self._computed(key, action, request)).value
                outcome = await self._shared(key, action, request)
                if not outcome.is_cached:
                    return outcome.value
                value = outcome.value
            context.cached_result = True
            return value

        return cached

    def _is_used(self, context: Context) -> bool:
        if context.meta.get("$cache") is False or context.stream is not None:
            return False
        return self._is_enabled is None or bool(self._is_enabled(context))

    def _decoded(self, key: str, entry: Any) -> Any:
        """Return the value of *entry*; None if there is no entry, or an invalid one."""
        if entry is None:
            return None
        try:
            return self._codec.decode(entry)
        except ValueError as exc:
            logger.warning("the cached result %s cannot be used: %s", key, exc)
            return None

    async def _computed(self, key: str, action: Action, request: Request) -> Outcome:
        """Run the action, and store its result."""
        generation = self._cacher.generation
        result = await action(request)
        if result is None:
            return Outcome(None)
        if isinstance(result, Response | Exception):
            return Outcome(result, is_shared=False)
        try:
            entry = self._codec.encode(result)
            value = result if self._codec.keeps_types else self._codec.decode(entry)
        except Exception as exc:  # noqa: BLE001 - methods of its class, such as __reduce__
            self._report(key, exc)
            return Outcome(result, is_shared=False)
        if generation == self._cacher.generation:
            await self._cacher.write(key, entry, self._ttl)
        return Outcome(value, entry)

    async def _shared(self, key: str, action: Action, request: Request) -> Outcome:
        """Do the same as `_computed`, once for all concurrent calls with *key*."""
        run = (self._cacher.generation, key)
        outcome = await self._runs.wait_for(run, self._cacher.longest_wait)
        if outcome is not None:
            return Outcome(self._decoded(key, outcome.entry), is_cached=True)

        async def compute() -> Outcome:
            async with self._cacher.lock(key) as entry:
                value = self._decoded(key, entry)
                if value is not None:
                    return Outcome(value, entry, is_cached=True)
                return await self._computed(key, action, request)

        return await self._runs.run(run, compute)

    def _report(self, key: str, exc: Exception) -> None:
        """Log the first result that cannot be cached."""
        if not self._is_reported:
            self._is_reported = True
            logger.error("the result %s cannot be cached: %s", key, exc, exc_info=exc)


def _problems_of(cache: Cache, definition: Definition) -> Iterator[str]:
    parameters = definition.signature.parameters
    unknown = _unknown_names(cache, parameters)
    if unknown:
        yield (
            f"keys has {', '.join(map(repr, unknown))}, and the action has no such parameter; "
            f"write its name, or '#' before a name in the meta"
        )
    others = [parameter.name for parameter in parameters if _is_of_the_message(parameter)]
    if others and not cache.reads_meta:
        yield (
            f"{' and '.join(map(repr, others))} would be that of another client; name what "
            f"distinguishes clients: cache=Cache(keys=('#user.id', …)), or do not take it"
        )


def _unknown_names(cache: Cache, parameters: Sequence[Parameter]) -> list[str]:
    """Return the first names in keys that are not parameters; empty if the action may read
    others."""
    names = {p.key for p in parameters if p.source in (Source.PARAMS, Source.BODY)}
    if "" in names or any(map(_reads_all, parameters)):
        return []
    keys = [key for key in cache.keys or () if not key.startswith("#")]
    return [key for key in keys if key not in names and key.split(".")[0] not in names]


def _reads_all(parameter: Parameter) -> bool:
    return parameter.source is Source.REQUEST or isinstance(parameter.marker, ContextMarker)


def _is_of_the_message(parameter: Parameter) -> bool:
    if isinstance(parameter.marker, ContextMarker):
        return False
    return parameter.source in _OF_THE_MESSAGE


def _place(definition: Definition) -> str:
    return f"the action {definition.name!r} ({definition.metadata.place})"
