"""The hooks of a route: methods of its controller, which run before and after the action."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs

Hook = Callable[..., Awaitable[Any]]
"""A method of a controller, not bound: it takes the controller first."""

FIELDS: Mapping[str, str] = {
    "onRequest": "on_request",
    "preParsing": "pre_parsing",
    "preValidation": "pre_validation",
    "preHandler": "pre_handler",
    "preSerialization": "pre_serialization",
    "onSend": "on_send",
    "onResponse": "on_response",
    "errorHandler": "error_handler",
}
"""The keys of a route file, in the order in which they run, and the fields of `Hooks`."""

PARAMETERS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(FIELDS, ("request",)),
    "preSerialization": ("request", "payload"),
    "onSend": ("request", "response"),
    "onResponse": ("request", "response"),
    "errorHandler": ("request", "error"),
}
"""The parameters of the hooks of each key, after the controller."""


@attrs.frozen
class Hooks:
    """The hooks of one route, in the order of their lists."""

    on_request: tuple[Hook, ...] = ()
    pre_parsing: tuple[Hook, ...] = ()
    pre_validation: tuple[Hook, ...] = ()
    pre_handler: tuple[Hook, ...] = ()
    pre_serialization: tuple[Hook, ...] = ()
    on_send: tuple[Hook, ...] = ()
    on_response: tuple[Hook, ...] = ()
    error_handler: tuple[Hook, ...] = ()

    @property
    def of_head(self) -> tuple[Hook, ...]:
        """Those that run before the body is read."""
        return self.on_request + self.pre_parsing


def hook_problem(method: object, parameters: tuple[str, ...]) -> str | None:
    """Return why *method*, a function of a class, cannot be a hook that takes *parameters*; None
    if it can."""
    name = getattr(method, "__name__", "hook")
    wanted = f"write async def {name}(self, {', '.join(parameters)})"
    if not inspect.iscoroutinefunction(method):
        return f"it is not async; {wanted}"
    try:
        inspect.signature(method).bind(None, *parameters)
    except TypeError:
        return f"it takes other parameters; {wanted}"
    return None
