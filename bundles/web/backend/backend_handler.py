"""Handlers that files register: ``application.backend.on("price", changed)``."""

from collections.abc import Awaitable, Callable
from inspect import Parameter, Signature
from typing import Any

import attrs

from bundles.autoload.endpoints.functions import is_async, kind_of
from bundles.web.backend.transport import BACKEND
from bundles.web.directories.handler_parameters import handler_parameters
from bundles.web.directories.program_handler import place_of
from rxkernel import ConfigurationError, ProcedureMetadata, Request

_GIVEN = ("data",)


@attrs.frozen(eq=False)
class BackendHandler:
    """The handler *function* of *event*.

    Attributes:
        route: its procedure.
    """

    event: str
    function: Callable[..., Awaitable[Any]]
    route: ProcedureMetadata = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        place = place_of(self.function)
        problems = self._problems()
        if problems:
            raise ConfigurationError(*(f"{place}: {problem}" for problem in problems))
        try:
            action = _action_of(self.function)
        except ConfigurationError as error:
            raise ConfigurationError(*(f"{place}: {p}" for p in error.problems)) from None
        name = f"{self.event} {place}"
        route = ProcedureMetadata(self, name, action, BACKEND, source=place)
        object.__setattr__(self, "route", route)

    def _problems(self) -> list[str]:
        problems = []
        if not isinstance(self.event, str) or not self.event:
            problems.append(f"the name of the event is {self.event!r}; write a non-empty str")
        if not is_async(self.function):
            problems.append(
                f"the handler of the event {self.event!r} is {kind_of(self.function)}; write "
                f"async def"
            )
        return problems


def _action_of(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[None]]:
    services = handler_parameters(function, _GIVEN)

    async def action(request: Request, **provided: Any) -> None:
        await function(request.body, **provided)

    request = Parameter("request", Parameter.POSITIONAL_OR_KEYWORD, annotation=Request)
    signature = Signature([request, *services.values()], return_annotation=None)
    vars(action)["__signature__"] = signature
    action.__name__ = getattr(function, "__name__", "handler")
    action.__doc__ = function.__doc__
    return action
