"""Checks that a procedure takes what a task passes to it."""

from collections.abc import Iterator, Mapping
from typing import Any

from rxkernel import Definition, Source

_READS_ALL = {Source.REQUEST, Source.RESOLVER}
"""The sources of parameters that may read any part of the message."""


def problems_of_arguments(
    definition: Definition, params: Mapping[str, Any], body: object
) -> Iterator[str]:
    """Yield a problem for the *params* that *definition* does not take, and for a *body* that it
    does not take; none if it takes the request."""
    parameters = definition.signature.parameters
    sources = {parameter.source for parameter in parameters}
    if sources & _READS_ALL:
        return
    taken = [key for p in parameters if p.source is Source.PARAMS for key in p.keys]
    if unknown := [name for name in params if name not in taken]:
        names = " and ".join(map(repr, unknown))
        yield (
            f"the task {definition.name!r} takes no parameter {names}; it takes: "
            f"{', '.join(taken) or 'none'}"
        )
    if body is not None and Source.BODY not in sources:
        yield f"the task {definition.name!r} takes no body; pass body=None"
