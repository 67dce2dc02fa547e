"""Actions for the kernel: they take a request, and call the function of an endpoint by name."""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from bundles.autoload.endpoints.code_call import RESULT
from bundles.autoload.endpoints.taken import EMPTY, Taken
from bundles.contracts import arguments_of
from rxkernel import Request

Action = Callable[..., Awaitable[Any]]


def endpoint_action(function: Action, taken: Taken, absent: Iterable[str]) -> Action:
    """Return the action of an endpoint. The names of *absent* are None if they are not sent."""
    missing = dict.fromkeys(absent)

    async def action(message: Request, **provided: Any) -> Any:
        arguments = {**missing, **arguments_of(message), **provided}
        result = await function(**arguments)
        attributes = message.attributes
        if RESULT in attributes:
            attributes[RESULT] = result
        return result

    return described(action, function, {"message": (Request, EMPTY)}, taken)


def described(
    action: Action,
    function: Callable[..., Any],
    own: Mapping[str, tuple[Any, Any]],
    taken: Taken,
) -> Action:
    """Return *action* with the name and the docstring of *function*, and a signature: *own*
    parameters with annotation and default, and those that the kernel provides."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        inspect.Parameter(name, kind, annotation=annotation, default=default)
        for name, (annotation, default) in own.items()
    ]
    signature = inspect.Signature(
        [*parameters, *taken.provided.values()], return_annotation=taken.returns
    )
    vars(action)["__signature__"] = signature
    action.__doc__ = function.__doc__
    action.__name__ = getattr(function, "__name__", "method")
    action.__qualname__ = getattr(function, "__qualname__", action.__name__)
    action.__module__ = function.__module__
    return action
