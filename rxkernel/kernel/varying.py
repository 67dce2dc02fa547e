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
    """The *pipeline* of a definition that was found by the request's headers *names*.

    Only what the router finds has it: a definition that is called by its name depends on none.
    """

    pipeline: DefinitionPipeline
    names: tuple[str, ...]

    async def handle(self, request: Request, ends_scope: bool = True) -> Response:
        return self._marked(await self.pipeline.handle(request, ends_scope))

    async def respond(self, request: Request, response: Response) -> Response:
        return self._marked(await self.pipeline.respond(request, response))

    async def rescue(self, request: Request, exception: Exception) -> Response:
        return self._marked(await self.pipeline.rescue(request, exception))

    async def finish(
        self, request: Request, response: Response, duration: float, size: int | None
    ) -> None:
        await self.pipeline.finish(request, response, duration, size)

    @property
    def has_finishers(self) -> bool:
        return self.pipeline.has_finishers

    @property
    def links(self) -> Links:
        return self.pipeline.links

    @property
    def service_source(self) -> ServiceSource:
        return self.pipeline.service_source

    def _marked(self, response: Response) -> Response:
        vary(response.headers, *self.names)
        return response


def routed(definitions: Iterable[HttpDefinition]) -> list[HttpDefinition]:
    """What a router is to find in place of *definitions*: the same, but for those whose choice
    depends on headers."""
    given = list(definitions)
    if not any(definition.headers for definition in given):
        return given
    groups: dict[tuple[str, str], list[HttpDefinition]] = {}
    for definition in given:
        for method in _methods_of(definition):
            groups.setdefault((method, definition.template.shape), []).append(definition)
    return [_varying(definition, groups) for definition in given]


def _methods_of(definition: HttpDefinition) -> tuple[str, ...]:
    return ("GET", "HEAD") if definition.method == "GET" else (definition.method,)


def _varying(
    definition: HttpDefinition, groups: Mapping[tuple[str, str], list[HttpDefinition]]
) -> HttpDefinition:
    own = definition.metadata.constraints
    others = {
        other.metadata.constraints: None
        for method in _methods_of(definition)
        for other in groups[method, definition.template.shape]
        if other is not definition and _is_asked_before(other.metadata.constraints, own)
    }
    names = dict.fromkeys(name for found in (own, *others) for name in found.names)
    if not names:
        return definition
    return attrs.evolve(definition, pipeline=VaryingPipeline(definition.pipeline, tuple(names)))


def _is_asked_before(other: Constraints, own: Constraints) -> bool:
    return other.may_meet(own) and other.order <= own.order
