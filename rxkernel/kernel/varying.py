"""``Vary`` on the responses of routes with constraints of headers (RFC 9110 §12.5.5)."""

from collections.abc import Iterable, Mapping

import attrs

from rxkernel.messages.request import Links, Request, ServiceSource
from rxkernel.messages.response import Response
from rxkernel.messages.vary import vary
from rxkernel.routing.constraints import Constraints
from rxkernel.routing.definitions import DefinitionPipeline, HttpDefinition


@attrs.frozen(eq=False)
class VaryingPipeline:
    """Adds ``Vary: names`` to the responses of *pipeline*.

    Only the router uses it: it selected the definition by these headers of the request. A
    definition that is found by name has its own pipeline.
    """

    pipeline: DefinitionPipeline
    names: tuple[str, ...]

    async def handle(self, request: Request) -> Response:
        return self._with_vary(await self.pipeline.handle(request))

    async def handle_and_close(self, request: Request) -> Response:
        return self._with_vary(await self.pipeline.handle_and_close(request))

    async def respond(self, request: Request, response: Response) -> Response:
        return self._with_vary(await self.pipeline.respond(request, response))

    async def handle_exception(self, request: Request, exception: Exception) -> Response:
        return self._with_vary(await self.pipeline.handle_exception(request, exception))

    async def terminate(
        self, request: Request, response: Response, duration: float, size: int | None
    ) -> Exception | None:
        return await self.pipeline.terminate(request, response, duration, size)

    @property
    def has_terminate_listeners(self) -> bool:
        return self.pipeline.has_terminate_listeners

    @property
    def links(self) -> Links:
        return self.pipeline.links

    @property
    def service_source(self) -> ServiceSource:
        return self.pipeline.service_source

    def _with_vary(self, response: Response) -> Response:
        vary(response.headers, *self.names)
        return response


def routed(definitions: Iterable[HttpDefinition]) -> list[HttpDefinition]:
    """Return *definitions* for a router: those that are selected by headers get a
    `VaryingPipeline`."""
    all_definitions = list(definitions)
    if not any(definition.headers for definition in all_definitions):
        return all_definitions
    groups: dict[tuple[str, str], list[HttpDefinition]] = {}
    for definition in all_definitions:
        for method in _methods_of(definition):
            groups.setdefault((method, definition.template.shape), []).append(definition)
    return [_varying(definition, groups) for definition in all_definitions]


def _methods_of(definition: HttpDefinition) -> tuple[str, ...]:
    if definition.method == "GET" and definition.metadata.head:
        return "GET", "HEAD"
    return (definition.method,)


def _varying(
    definition: HttpDefinition, groups: Mapping[tuple[str, str], list[HttpDefinition]]
) -> HttpDefinition:
    own = definition.metadata.constraints
    others = {
        other.metadata.constraints: None
        for method in _methods_of(definition)
        for other in groups[method, definition.template.shape]
        if other is not definition and _is_tried_before(other.metadata.constraints, own)
    }
    names = dict.fromkeys(name for constraints in (own, *others) for name in constraints.names)
    if not names:
        return definition
    return attrs.evolve(definition, pipeline=VaryingPipeline(definition.pipeline, tuple(names)))


def _is_tried_before(other: Constraints, own: Constraints) -> bool:
    return other.may_meet(own) and other.order <= own.order
