"""Stores the exception that a call has failed with, since the response does not have its class."""

from bundles.metacom.rest_routes import is_rest
from bundles.metacom.transport import METACOM
from rxkernel import Definition, ExceptionEvent, KernelEvents, Request, observe

_ATTRIBUTE = "metacom.failure"

_LAST = -1000
"""The priority in ``kernel.exception``: after listeners that replace the exception. After one that
sets a response it is not called, so that this response counts."""


def _is_method(definition: Definition) -> bool:
    return definition.transport == METACOM or is_rest(definition)


class FailureNotes:
    """Stores the exceptions of methods."""

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=_LAST, only=_is_method)
    async def note(self, event: ExceptionEvent) -> None:
        event.request.attributes[_ATTRIBUTE] = event.exception


def failure_of(request: Request) -> Exception | None:
    """Return the exception that *request* has failed with; None if its response is of a listener,
    or if it has not called a method."""
    failure: Exception | None = request.attributes.get(_ATTRIBUTE)
    return failure
