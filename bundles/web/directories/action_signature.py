"""The signature of an action, by which the kernel passes arguments."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from bundles.web.directories.handler_chain import Chain
from rxkernel import Request, Response

Action = Callable[..., Awaitable[Any]]


def with_signature(action: Action, chain: Chain) -> Action:
    """Return *action* with the name and the docstring of the handler of *chain*, and a signature:
    the request, and the services of all handlers."""
    request = inspect.Parameter(
        "request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Request
    )
    parameters = [request, *chain.services.parameters.values()]
    vars(action)["__signature__"] = inspect.Signature(parameters, return_annotation=Response)
    action.__name__ = action.__qualname__ = chain.verb
    handler = chain.handler
    if handler is not None:
        function = handler.function
        action.__doc__ = function.__doc__
        action.__name__ = getattr(function, "__name__", chain.verb)
        action.__qualname__ = getattr(function, "__qualname__", action.__name__)
        action.__module__ = function.__module__
    return action
