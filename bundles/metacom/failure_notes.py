"""Stores the exception of a failed call, since its class cannot be seen in the response."""

from bundles.metacom.rest_routes import is_rest
from bundles.metacom.transport import METACOM
from rxkernel import Definition, ExceptionEvent, KernelEvents, Request, observe

_ATTRIBUTE = "metacom.failure"

_LAST = -1000
"""The priority in ``kernel.exception``: after listeners that replace the exception. It is not
called after a listener that sets a response, so that this response is sent."""


def _is_method(definition: Definition) -> bool:
    return definition.transport == METACOM or is_rest(definition)


class FailureNotes:
    """Stores the exceptions of methods."""

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=_LAST, only=_is_method)
    async def note(self, event: ExceptionEvent) -> None:
        event.request.attributes[_ATTRIBUTE] = event.exception


def failure_of(request: Request) -> Exception | None:
    """Return the exception of *request*; None if a listener has set the response, or if the
    request did not call a method."""
    failure: Exception | None = request.attributes.get(_ATTRIBUTE)
    return failure
