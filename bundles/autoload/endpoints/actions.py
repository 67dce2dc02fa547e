"""Makes actions for the kernel, which take a request and call the function of an endpoint."""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from bundles.autoload.endpoints.code_call import RESULT
from bundles.autoload.endpoints.taken import REQUEST, Taken
from bundles.contracts import arguments_of
from rxkernel import Request

Action = Callable[..., Awaitable[Any]]


def endpoint_action(function: Action, taken: Taken, absent: Iterable[str]) -> Action:
    """Return the action of an endpoint. Arguments in *absent* that the client does not send are
    passed as None."""
    missing = dict.fromkeys(absent)
    takes_request = REQUEST in taken.provided

    async def action(request: Request, **provided: Any) -> Any:
        if takes_request:
            provided[REQUEST] = request
        arguments = {**missing, **arguments_of(request)}
        result = await function(**arguments, **provided)
        attributes = request.attributes
        if RESULT in attributes:
            attributes[RESULT] = result
        return result

    return described(action, function, {}, taken)


def described(
    action: Action,
    function: Callable[..., Any],
    own: Mapping[str, tuple[Any, Any]],
    taken: Taken,
) -> Action:
    """Return *action* with the name and the docstring of *function*, and a signature: the request,
    *own* parameters with annotation and default, and those that the kernel provides."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        inspect.Parameter(REQUEST, kind, annotation=Request),
        *(
            inspect.Parameter(name, kind, annotation=annotation, default=default)
            for name, (annotation, default) in own.items()
        ),
        *(parameter for name, parameter in taken.provided.items() if name != REQUEST),
    ]
    signature = inspect.Signature(parameters, return_annotation=taken.returns)
    vars(action)["__signature__"] = signature
    action.__doc__ = function.__doc__
    action.__name__ = getattr(function, "__name__", "method")
    action.__qualname__ = getattr(function, "__qualname__", action.__name__)
    action.__module__ = function.__module__
    return action
