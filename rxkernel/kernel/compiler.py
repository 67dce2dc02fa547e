"""Compiles routes to `Compiled`: binds actions, dispatches `kernel.definition`."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any

from rxkernel.events.dispatcher import AsyncEventDispatcher, run_listeners
from rxkernel.exceptions import ConfigurationError
from rxkernel.kernel.actions import ActionBinder, Returns
from rxkernel.kernel.compiled import Compiled
from rxkernel.kernel.container import Container
from rxkernel.kernel.deadline import TimedRoute
from rxkernel.kernel.events import DefinitionEvent
from rxkernel.kernel.garbage_collection import paused_collection
from rxkernel.kernel.route import Route
from rxkernel.kernel.route_problems import other_routes, problems_of_routes
from rxkernel.messages.request import Links
from rxkernel.messages.transport import Transport
from rxkernel.nearest import nearest
from rxkernel.routing.bundle_option import BundleOption, missing_bundle, without_bundle
from rxkernel.routing.constraints import HostOf
from rxkernel.routing.definitions import Definition, ProcedureDefinition
from rxkernel.routing.kinds import Kind
from rxkernel.routing.metadata import RouteMetadata
from rxkernel.routing.path import PathTemplate
from rxkernel.routing.scalars import Scalars
from rxkernel.routing.syntax import TemplateSyntax

Controllers = Mapping[type, object]
"""The instances by class."""


class Compiler:
    """Compiles the routes of one application, again at each reload.

    Args:
        threads: where plain ``def`` actions run.
        container: returns the services of actions.
        request_timeout: the timeout of a message in seconds, see `TimedRoute`.
        options: the declared keys of options; None accepts any key.
        transports: the transports of bundles.
        kinds: the parameters that paths may have.
        scalars: the custom scalars; read when routes are compiled.
        host_of: returns the host of a request.
        links: builds the URLs of the application.
    """

    def __init__(
        self,
        dispatcher: AsyncEventDispatcher,
        *,
        threads: Executor,
        container: Container,
        request_timeout: float | None,
        options: Collection[str] | None,
        transports: Collection[Transport],
        kinds: Mapping[str, Kind],
        scalars: Scalars,
        host_of: HostOf,
        links: Links,
    ) -> None:
        self.transports = transports
        self.options = options
        self._dispatcher = dispatcher
        self._threads = threads
        self._container = container
        self._kinds = kinds
        self._scalars = scalars
        self._host_of = host_of
        self._links = links
        self._new_route: Callable[..., Route] = Route
        if request_timeout is not None:
            self._new_route = partial(TimedRoute, seconds=request_timeout)

    async def compile(
        self, routes: Sequence[RouteMetadata], controllers: Controllers, running: Compiled
    ) -> Compiled:
        """Compile *routes*, in that order; *running* is not changed.

        A definition of *running* whose metadata is among *routes* is reused.

        Raises:
            ConfigurationError: with every problem found: a controller that is not registered,
                an action that does not exist, two routes for the same requests.
        """
        with paused_collection():
            return await self._compile(routes, controllers, running)

    async def _compile(
        self, routes: Sequence[RouteMetadata], controllers: Controllers, running: Compiled
    ) -> Compiled:
        compiled, new = self.bind(routes, controllers, running)
        failed: list[tuple[RouteMetadata, ConfigurationError]] = []
        excluded: set[Definition] = set()
        by_place: dict[str, list[Definition]] = {}
        for definition in compiled.all:
            by_place.setdefault(definition.metadata.place, []).append(definition)
        for route in new:
            siblings = tuple(by_place[route.definition.metadata.place])
            try:
                if await self._dispatch_definition(route, siblings):
                    excluded.add(route.definition)
            except ConfigurationError as error:
                failed.append((route.definition.metadata, error))
        if failed:
            raise ConfigurationError(*problems_of_routes(failed))
        if excluded:
            kept = [definition for definition in compiled.all if definition not in excluded]
            compiled = Compiled.of(kept, self.transports, self._host_of)
        return compiled

    def bind(
        self, routes: Sequence[RouteMetadata], controllers: Controllers, running: Compiled
    ) -> tuple[Compiled, list[Route]]:
        """Do the part of `compile` that calls no listeners; return the new routes too."""
        failed: list[tuple[RouteMetadata, ConfigurationError]] = []
        kept = {id(definition.metadata): definition for definition in running.all}
        added = [metadata for metadata in routes if id(metadata) not in kept]
        problems = [*self._undeclared_options(added)]
        definitions, new = [], []
        known_returns: dict[Any, Returns] = {}
        for metadata in routes:
            definition = kept.get(id(metadata))
            if definition is None:
                try:
                    route = self._bind_route(metadata, controllers, known_returns)
                except ConfigurationError as error:
                    failed.append((metadata, error))
                    continue
                new.append(route)
                definition = route.definition
            definitions.append(definition)
        problems += problems_of_routes(failed)
        served = [d for d in definitions if not self._waits_for_bundle(d)]
        try:
            compiled = Compiled.of(served, self.transports, self._host_of)
        except ConfigurationError as error:
            problems += error.problems
        if problems:
            raise ConfigurationError(*dict.fromkeys(problems))
        return compiled, new

    def _waits_for_bundle(self, definition: Definition) -> bool:
        """Whether *definition* has an option of a bundle that is not enabled, which is reported.
        The bundle may also serve the transport, which would be a second error for one cause."""
        options = self.options
        if options is None or not isinstance(definition, ProcedureDefinition):
            return False
        if definition.transport in self.transports:
            return False
        given = definition.metadata.options.items()
        return any(missing_bundle(key, value, options) is not None for key, value in given)

    def _bind_route(
        self,
        metadata: RouteMetadata,
        controllers: Controllers,
        known_returns: dict[Any, Returns],
    ) -> Route:
        controller = metadata.target
        if isinstance(controller, type):
            name = controller.__qualname__
            controller = controllers.get(controller)
            if controller is None:
                raise ConfigurationError(
                    f"route {metadata.key!r} belongs to {name}, which is not a registered "
                    f"controller; add it: Application(controllers=[{name}])"
                )
        syntax = metadata.template_syntax
        template = None if syntax is None else self._template_of(metadata, syntax)
        binder = ActionBinder(controller, metadata, self._container, self._scalars, known_returns)
        route = self._new_route(
            metadata,
            controller,
            binder.signature,
            self._dispatcher,
            self._container,
            self._links,
            template,
        )
        route.action = binder.bind(route.definition, self._threads)
        route.rebind = binder.rebind
        return route

    def _template_of(self, metadata: RouteMetadata, syntax: TemplateSyntax) -> PathTemplate:
        try:
            return PathTemplate.of(syntax, self._kinds)
        except ConfigurationError as error:
            place = f"route {metadata.key!r} ({metadata.location})"
            raise ConfigurationError(*(f"{place}: {p}" for p in error.problems)) from error

    def _undeclared_options(self, routes: Sequence[RouteMetadata]) -> Iterator[str]:
        """Yield one problem for each undeclared key, even if several routes have it.

        All keys of a bundle that is not enabled are one problem, which names the first key.
        """
        if self.options is None:
            return
        users: dict[str, list[RouteMetadata]] = {}
        disabled: dict[str, tuple[BundleOption, list[RouteMetadata]]] = {}
        for metadata in routes:
            for key, value in metadata.options.items():
                if (option := missing_bundle(key, value, self.options)) is not None:
                    _, found = disabled.setdefault(option.bundle, (option, []))
                    if metadata not in found:
                        found.append(metadata)
                elif key not in self.options:
                    users.setdefault(key, []).append(metadata)
        for option, found in disabled.values():
            yield without_bundle(option, _listed(found))
        for key, found in users.items():
            near = nearest(key, tuple(self.options), cutoff=0.7)
            hint = (
                f"did you mean {near!r}?"
                if near
                else f"enable the bundle that reads it, or declare it: "
                f"Application(options=[{key!r}])"
            )
            yield (
                f"option {key!r} of {_listed(found)} is not "
                f"declared by the application or an enabled bundle; {hint}"
            )

    async def _dispatch_definition(self, route: Route, siblings: tuple[Definition, ...]) -> bool:
        """Dispatch `kernel.definition`, call every ``only``; return whether it is excluded."""
        known = (Transport.HTTP, Transport.SOCKET, *self.transports)
        handler = route.run
        event = DefinitionEvent(
            route.definition,
            route.action,
            handler,
            known,
            siblings,
            route.controller,
            rebind=route.rebind,
        )
        await run_listeners(route.on_definition.listeners(), event)
        route.action = event.action
        if event.handler is not handler:
            route.wrap_handler(event.handler)
        route.precompute()
        return event.is_excluded


def _listed(routes: Sequence[RouteMetadata]) -> str:
    more = f" and {other_routes(len(routes) - 1)}" if len(routes) > 1 else ""
    return f"route {routes[0].key!r} ({routes[0].location}){more}"
