"""From a controller's method to a coroutine function that takes the request."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from contextvars import copy_context
from functools import partial
from typing import Any, Protocol

from rxkernel.events.dispatcher import is_async
from rxkernel.exceptions import ConfigurationError
from rxkernel.kernel.binding.arguments import Read, argument, check_types
from rxkernel.kernel.binding.body_arguments import body_arguments
from rxkernel.kernel.binding.misfits import Misfits
from rxkernel.kernel.binding.shaping import Shape, shape_of
from rxkernel.kernel.events import Action
from rxkernel.kernel.threads import leave
from rxkernel.messages.request import Request
from rxkernel.routing.metadata import HttpMetadata, RouteMetadata
from rxkernel.routing.signature import Signature, Source
from rxkernel.routing.signature_reader import read_signature
from rxkernel.routing.targets import member_of


class Provide(Protocol):
    """Finds what gives a service, asked once at boot."""

    def __call__(self, service: Any, /, *, over_http: bool) -> Callable[[], Any]:
        """What gives *service* to an action.

        Raises:
            ConfigurationError: nothing binds it, or it needs a connection *over_http*.
        """


ServiceOf = Callable[[Any], Callable[[], Any]]
Method = Callable[..., Awaitable[Any]]


def bind_action(
    controller: object, metadata: RouteMetadata, threads: Executor, provide: Provide
) -> tuple[Action, Signature]:
    """Make the method that *metadata* names callable as ``await action(request)``.

    An ``async def`` that takes the request is the action itself; a plain ``def`` runs in
    *threads*, in a copy of the caller's context.

    Raises:
        ConfigurationError: there is no such method, or its signature cannot be bound.
    """
    method = member_of(controller, metadata.action)
    route = f"route {metadata.key!r} ({metadata.place})"
    if not callable(method):
        raise ConfigurationError(f"{route} has no such method; add it or mend the name")
    if inspect.isasyncgenfunction(method) or inspect.isgeneratorfunction(method):
        raise ConfigurationError(f"{route} yields; return StreamResponse(self.…()) instead")
    signature = read_signature(method, metadata)
    call = method if is_async(method) else _in_thread(method, threads)
    try:
        check_types(signature.parameters)
    except ConfigurationError as error:
        raise ConfigurationError(*(f"{route} {problem}" for problem in error.problems)) from error
    service_of = partial(provide, over_http=isinstance(metadata, HttpMetadata))
    shape = shape_of(signature.returns, route)
    if not signature.is_plain:
        return _typed(call, signature, service_of, shape, route), signature
    return (call if shape is None else _shaped(call, shape)), signature


def _in_thread(method: Callable[..., Any], threads: Executor) -> Method:
    def call(arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        try:
            return method(*arguments, **named)
        except StopIteration as exc:  # no future can hold it: whoever waits would wait for ever
            raise RuntimeError("the action raised StopIteration") from exc

    async def action(*arguments: Any, **named: Any) -> Any:
        thread = threads.submit(copy_context().run, call, arguments, named)
        try:
            result = await asyncio.wrap_future(thread)
        except asyncio.CancelledError:
            if not thread.cancel():
                leave(thread)
            raise
        return await result if inspect.isawaitable(result) else result

    return action


def _shaped(action: Action, shape: Shape) -> Action:
    async def shaped(request: Request) -> Any:
        return shape(await action(request))

    return shaped


def _typed(
    method: Method, signature: Signature, service_of: ServiceOf, shape: Shape | None, route: str
) -> Action:
    """Bind the arguments, all of them before *method* is called; services come last, for they
    are made for a request that fits."""
    reads, services = _reads(signature), _services(signature, service_of, route)
    names = tuple(p.name for p in signature.parameters if p.is_keyword_only)
    first_named = len(signature.parameters) - len(names)
    if len(reads) == 1 and not (services or names):
        return _typed_once(method, reads[0], shape)

    async def action(request: Request) -> Any:
        misfits = Misfits()
        arguments = [read(request, misfits) for read in reads]
        if misfits.found:
            raise misfits.exception()
        for place, service in services:
            arguments[place] = service()
        if names:
            named = dict(zip(names, arguments[first_named:], strict=True))
            result = await method(*arguments[:first_named], **named)
        else:
            result = await method(*arguments)
        return result if shape is None else shape(result)

    return action


def _typed_once(method: Method, read: Read, shape: Shape | None) -> Action:
    """As `_typed`, for the one argument that many take."""

    async def action(request: Request) -> Any:
        misfits = Misfits()
        argument = read(request, misfits)
        if misfits.found:
            raise misfits.exception()
        result = await method(argument)
        return result if shape is None else shape(result)

    return action


def _reads(signature: Signature) -> list[Read]:
    bodies = iter(body_arguments([p for p in signature.parameters if p.source is Source.BODY]))
    return [
        next(bodies)
        if parameter.source is Source.BODY
        else _later
        if parameter.source is Source.SERVICE
        else argument(parameter)
        for parameter in signature.parameters
    ]


def _later(request: Request, misfits: Misfits) -> None:
    """Holds the place of a service."""


def _services(
    signature: Signature, service_of: ServiceOf, route: str
) -> tuple[tuple[int, Callable[[], Any]], ...]:
    problems, services = [], []
    for place, parameter in enumerate(signature.parameters):
        if parameter.source is Source.SERVICE:
            try:
                services.append((place, service_of(parameter.type)))
            except ConfigurationError as error:
                problems += [f"{route} {p}" for p in error.problems]
    if problems:
        raise ConfigurationError(*problems)
    return tuple(services)
