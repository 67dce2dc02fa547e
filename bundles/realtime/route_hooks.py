"""The hooks of a route: methods of its controller, which run before and after the action."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs

Hook = Callable[..., Awaitable[Any]]
"""An unbound method of a controller: its first argument is the controller."""

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
"""The fields of `Hooks` by the keys of a route file. The hooks run in this order, but errorHandler
runs before onSend."""

PARAMETERS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(FIELDS, ("request",)),
    "preSerialization": ("request", "payload"),
    "onSend": ("request", "response"),
    "onResponse": ("request", "response"),
    "errorHandler": ("request", "error"),
}
"""The parameters of the hooks by key, without the controller."""


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
        """The hooks that run before the body is read."""
        return self.on_request + self.pre_parsing


def hook_problem(method: object, parameters: tuple[str, ...]) -> str | None:
    """Return the error of *method*, a function of a class, as a hook with *parameters*; None if it
    is valid."""
    name = getattr(method, "__name__", "hook")
    wanted = f"write async def {name}(self, {', '.join(parameters)})"
    if not inspect.iscoroutinefunction(method):
        return f"it is not async; {wanted}"
    try:
        inspect.signature(method).bind(None, *parameters)
    except TypeError:
        return f"its parameters are wrong; {wanted}"
    return None
