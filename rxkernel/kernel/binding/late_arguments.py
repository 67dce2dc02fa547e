"""Arguments that are created after the input has been validated: services, and the results of
resolvers.
"""

import inspect
from collections.abc import Callable, Iterator
from types import NoneType
from typing import Any, Union, get_args, get_origin

from rxkernel.events.dispatcher import is_async, takes_one
from rxkernel.exception_text import place_of, summary_of
from rxkernel.exceptions import ConfigurationError, RxKernelError
from rxkernel.kernel.container import Container, LateArgument
from rxkernel.messages.request import Request
from rxkernel.messages.transport import Transport
from rxkernel.routing.annotations import UNIONS
from rxkernel.routing.definitions import Definition
from rxkernel.routing.input_description import checked_description
from rxkernel.routing.resolver import problem_of_bind
from rxkernel.routing.signature import REQUIRED, Parameter, Source

LATE = (Source.RESOLVER, Source.SERVICE)
"""The sources of late arguments, in the order in which they are created."""

Placed = tuple[int, Callable[[Request], Any], bool]
"""The index of an argument, the function that returns it, and whether to await the result."""


def late_arguments(definition: Definition, container: Container) -> tuple[Placed, ...]:
    """Return the late arguments of *definition*, in the order in which they are created.

    Raises:
        ConfigurationError: with every parameter that cannot be bound.
    """
    found: list[Placed] = []
    problems: list[str] = []
    parameters = definition.signature.parameters
    for source in LATE:
        for place, parameter in enumerate(parameters):
            if parameter.source is not source:
                continue
            try:
                late = _late_argument(parameter, definition, container)
                found.append((place, late.call, late.is_async))
            except ConfigurationError as error:
                problems += error.problems
    if problems:
        raise ConfigurationError(*problems)
    return tuple(found)


def _late_argument(
    parameter: Parameter, definition: Definition, container: Container
) -> LateArgument:
    if parameter.source is Source.SERVICE:
        return _service(parameter, definition, container)
    try:
        return _resolved(parameter, definition, container)
    except ConfigurationError as error:
        what = f"cannot bind parameter {parameter.name!r}"
        raise ConfigurationError(*(f"{what}: {p}" for p in error.problems)) from error


def _service(parameter: Parameter, definition: Definition, container: Container) -> LateArgument:
    """Return the service; if it is not bound, the default of the parameter, or None."""
    over_http = definition.transport is Transport.HTTP
    key, is_optional = key_of(parameter.type)
    found = container.service(key, over_http=over_http)
    if found is not None:
        return found
    if parameter.default is not REQUIRED:
        default = parameter.default
        return LateArgument(lambda _: default)
    if is_optional:
        return LateArgument(lambda _: None)
    raise container.unbound(key, over_http=over_http)


def key_of(annotation: Any) -> tuple[Any, bool]:
    """Return ``(T, True)`` for ``T | None``, which is bound as ``T``; else the type and False."""
    members = get_args(annotation) if get_origin(annotation) in UNIONS else ()
    if NoneType not in members:
        return annotation, False
    rest = tuple(member for member in members if member is not NoneType)
    return Union[rest], True  # noqa: UP007 - of a variable


def _resolved(parameter: Parameter, definition: Definition, container: Container) -> LateArgument:
    marker = parameter.marker
    resolver = container.resolver(type(marker))  # type: ignore[arg-type]  # not None here
    name = f"{type(resolver).__qualname__}.bind"
    if wrong := problem_of_bind(resolver):  # an override has not been checked yet
        raise ConfigurationError(wrong)
    try:
        call = resolver.bind(marker, parameter, definition)
    except ConfigurationError:
        raise
    except Exception as exc:
        raise ConfigurationError(
            f"{name} raised {summary_of(exc)}{place_of(exc)}; raise a ConfigurationError for "
            f"parameters that it cannot bind"
        ) from exc
    if problem := next(_problems_of(call), None):
        raise ConfigurationError(
            f"{name} returned {call!r}, which {problem}; return a function that takes the request"
        )
    if is_async(call):
        return LateArgument(call, is_async=True)
    return LateArgument(_plain(call, name))


def _problems_of(call: Any) -> Iterator[str]:
    if not callable(call):
        yield "is not callable"
    elif inspect.isgeneratorfunction(call) or inspect.isasyncgenfunction(call):
        yield "yields"
    elif not _takes_request(call):
        yield "cannot be called with one argument"


def _takes_request(call: Callable[..., Any]) -> bool:
    try:
        return takes_one(call)
    except ValueError:  # written in C, so its parameters are not known
        return True


def _plain(call: Callable[[Request], Any], name: str) -> Callable[[Request], Any]:
    def checked(request: Request) -> Any:
        value = call(request)
        if inspect.iscoroutine(value):
            value.close()
            raise RxKernelError(
                f"the function from {name} returned a coroutine; declare it with async def"
            )
        return value

    return checked


def describe_inputs(parameter: Parameter, container: Container) -> Any:
    """Return the `InputDescription` of the resolver of *parameter*; None without a ``describe``.

    Raises:
        ConfigurationError: the resolver is missing, or its description is invalid.
    """
    assert parameter.marker is not None
    describe = getattr(container.resolver(type(parameter.marker)), "describe", None)
    if describe is None:
        return None
    try:
        return checked_description(describe(parameter.marker, parameter))
    except ConfigurationError:
        raise
    except Exception as exc:
        raise ConfigurationError(
            f"describe() of its resolver raised {summary_of(exc)}{place_of(exc)}"
        ) from exc
