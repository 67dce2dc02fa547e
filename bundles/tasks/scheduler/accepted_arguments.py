"""Checks that a procedure accepts the arguments of a task."""

from collections.abc import Iterator, Mapping
from typing import Any

from rxkernel import Definition, Source

_READS_ALL = {Source.REQUEST, Source.RESOLVER}
"""The sources of parameters that may read any part of the message."""


def problems_of_arguments(
    definition: Definition, params: Mapping[str, Any], body: object
) -> Iterator[str]:
    """Yield the errors of *params* and of *body* that *definition* does not accept. A procedure
    that takes the request accepts all."""
    parameters = definition.signature.parameters
    sources = {parameter.source for parameter in parameters}
    if sources & _READS_ALL:
        return
    taken = [key for p in parameters if p.source is Source.PARAMS for key in p.keys]
    if unknown := [name for name in params if name not in taken]:
        names = " and ".join(map(repr, unknown))
        yield (
            f"the task {definition.name!r} does not accept the parameter {names}; its parameters "
            f"are: {', '.join(taken) or 'none'}"
        )
    if body is not None and Source.BODY not in sources:
        yield f"the task {definition.name!r} does not accept a body; pass body=None"
