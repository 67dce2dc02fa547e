"""Binds the arguments of a controller's method: a coroutine function that takes the request."""

import asyncio
import inspect
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import copy_context
from functools import partial
from typing import Any

import attrs

from rxkernel.events.dispatcher import is_async
from rxkernel.exceptions import ConfigurationError
from rxkernel.kernel.abandoned_threads import abandon
from rxkernel.kernel.binding.arguments import Read, argument, check_types
from rxkernel.kernel.binding.body_arguments import body_arguments
from rxkernel.kernel.binding.late_arguments import (
    LATE,
    Placed,
    describe_inputs,
    late_arguments,
)
from rxkernel.kernel.binding.marked_shape import marked_shape
from rxkernel.kernel.binding.null_response import json_null_shape
from rxkernel.kernel.binding.response_shape import Shape, shape_of
from rxkernel.kernel.binding.validation_errors import ValidationErrors
from rxkernel.kernel.container import Container
from rxkernel.kernel.events import Action, Method
from rxkernel.messages.request import Request
from rxkernel.messages.transport import Transport
from rxkernel.routing.definitions import Definition
from rxkernel.routing.metadata import RouteMetadata
from rxkernel.routing.return_markers import MarkedReturn
from rxkernel.routing.scalars import NO_SCALARS, Scalars
from rxkernel.routing.signature import Parameter, Signature, Source
from rxkernel.routing.signature_reader import read_signature
from rxkernel.routing.targets import member_of

_WITHOUT_BODY = (204, 205)


@attrs.frozen(eq=False)
class Returns:
    """The return annotation of an action, and the function that converts to its type."""

    declared: MarkedReturn
    shape: Shape | None


@attrs.define(eq=False)
class ActionBinder:
    """Makes the method that *metadata* names callable as ``await action(request)``.

    `bind` is a second step, because resolvers get the definition, which has the signature.
    *known_returns* is a cache by method: the routes of one method share the entry, because reading
    a type takes long.

    Raises:
        ConfigurationError: the method does not exist, or its signature cannot be read.
    """

    controller: object
    metadata: RouteMetadata
    container: Container
    scalars: Scalars = NO_SCALARS
    known_returns: dict[Any, Returns] = attrs.field(factory=dict)
    signature: Signature = attrs.field(init=False)
    _method: Callable[..., Any] = attrs.field(init=False)
    _route: str = attrs.field(init=False)
    _problems: list[str] = attrs.field(factory=list, init=False)
    _call: Method = attrs.field(init=False)
    _late: tuple[Placed, ...] = attrs.field(default=(), init=False)
    _bound_shape: Shape | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        metadata = self.metadata
        method = member_of(self.controller, metadata.action)
        self._route = route = f"route {metadata.key!r} ({metadata.location})"
        if not callable(method):
            raise ConfigurationError(f"{route} has no such method; add it or correct the name")
        if inspect.isasyncgenfunction(method) or inspect.isgeneratorfunction(method):
            raise ConfigurationError(f"{route} yields; return StreamResponse(self.…()) instead")
        self._method = method
        known = self.known_returns.get(self._key)
        read = partial(
            read_signature,
            method,
            metadata,
            self.scalars,
            default_marker=self.container.default_marker,
        )
        signature = read() if known is None else read(returns=known.declared)
        self.signature = attrs.evolve(
            signature, parameters=tuple(map(self._described, signature.parameters))
        )

    @property
    def _key(self) -> Any:
        return id(self.controller), self.metadata.action

    def _shape(self) -> Shape | None:
        known = self.known_returns.get(self._key)
        if known is None:
            signature = self.signature
            shape = shape_of(signature.returns, self._route, self.scalars)
            shape = marked_shape(signature, shape)
            declared = MarkedReturn(signature.returns, signature.return_markers)
            known = self.known_returns[self._key] = Returns(declared, shape)
        return known.shape

    def _described(self, parameter: Parameter) -> Parameter:
        if parameter.source is not Source.RESOLVER:
            return parameter
        try:
            description = describe_inputs(parameter, self.container)
        except ConfigurationError as error:
            what = f"cannot bind parameter {parameter.name!r}"
            self._problems += (f"{what}: {problem}" for problem in error.problems)
            return parameter
        return attrs.evolve(parameter, input_description=description)

    def bind(self, definition: Definition, threads: Executor) -> Action:
        """Return the action of *definition*.

        An ``async def`` that takes the request is the action itself; a plain ``def`` runs in
        *threads*, in a copy of the caller's context.

        Raises:
            ConfigurationError: with every parameter that cannot be bound.
        """
        signature, problems = self.signature, self._problems
        self._call = self._method if is_async(self._method) else _in_thread(self._method, threads)
        try:
            check_types(signature.parameters)
        except ConfigurationError as error:
            problems += error.problems
        try:
            self._late = late_arguments(definition, self.container)
        except ConfigurationError as error:
            problems += error.problems
        if problems:
            raise ConfigurationError(
                *(f"{self._route} {problem}" for problem in dict.fromkeys(problems))
            )
        shape = self._shape()
        if definition.transport is Transport.HTTP and definition.status_code not in _WITHOUT_BODY:
            shape = json_null_shape(signature.returns, shape, definition.status_code)
        self._bound_shape = shape
        return self._action()

    def rebind(self, decorator: Callable[[Method], Method]) -> Action:
        """Like `bind`, which was called before, with ``decorator(method)`` as the method."""
        self._call = decorator(self._call)
        return self._action()

    def _action(self) -> Action:
        call, shape = self._call, self._bound_shape
        if not self.signature.is_plain:
            return _typed(call, self.signature, self._late, shape)
        return call if shape is None else _shaped(call, shape)


def _in_thread(method: Callable[..., Any], threads: Executor) -> Method:
    def call(arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        try:
            return method(*arguments, **named)
        except StopIteration as exc:  # a future cannot hold it, and its waiter would hang
            raise RuntimeError("the action raised StopIteration") from exc

    async def action(*arguments: Any, **named: Any) -> Any:
        thread = threads.submit(copy_context().run, call, arguments, named)
        try:
            result = await asyncio.wrap_future(thread)
        except asyncio.CancelledError:
            if not thread.cancel():
                abandon(thread)
            raise
        return await result if inspect.isawaitable(result) else result

    return action


def _shaped(action: Action, shape: Shape) -> Action:
    async def shaped(request: Request) -> Any:
        return shape(await action(request))

    return shaped


def _typed(
    method: Method, signature: Signature, late: tuple[Placed, ...], shape: Shape | None
) -> Action:
    """Bind all arguments, then call *method*; *late* arguments are created after all others are
    valid."""
    reads = _reads(signature)
    names = tuple(p.name for p in signature.parameters if p.is_keyword_only)
    first_named = len(signature.parameters) - len(names)
    if len(reads) == 1 and not names:
        return _late_once(method, late[0], shape) if late else _typed_once(method, reads[0], shape)

    async def action(request: Request) -> Any:
        errors = ValidationErrors()
        arguments = [read(request, errors) for read in reads]
        if errors.entries:
            raise errors.exception(request)
        for place, make, is_awaited in late:
            arguments[place] = await make(request) if is_awaited else make(request)
        if names:
            named = dict(zip(names, arguments[first_named:], strict=True))
            result = await method(*arguments[:first_named], **named)
        else:
            result = await method(*arguments)
        return result if shape is None else shape(result)

    return action


def _typed_once(method: Method, read: Read, shape: Shape | None) -> Action:
    """Like `_typed`, for a single argument: a common case, so it has a shorter path."""

    async def action(request: Request) -> Any:
        errors = ValidationErrors()
        argument = read(request, errors)
        if errors.entries:
            raise errors.exception(request)
        result = await method(argument)
        return result if shape is None else shape(result)

    return action


def _late_once(method: Method, placed: Placed, shape: Shape | None) -> Action:
    """Like `_typed`, for a single late argument, such as the user or the session."""
    _, make, is_awaited = placed

    async def action(request: Request) -> Any:
        result = await method(make(request))
        return result if shape is None else shape(result)

    async def awaiting(request: Request) -> Any:
        result = await method(await make(request))
        return result if shape is None else shape(result)

    return awaiting if is_awaited else action


def _reads(signature: Signature) -> list[Read]:
    parameters = signature.parameters
    from_body = [parameter for parameter in parameters if parameter.source is Source.BODY]
    in_params = (key for p in parameters if p.source is Source.PARAMS for key in p.keys)
    bodies = iter(body_arguments(from_body, frozenset(in_params)))
    return [
        next(bodies)
        if parameter.source is Source.BODY
        else _later
        if parameter.source in LATE
        else argument(parameter)
        for parameter in parameters
    ]


def _later(request: Request, errors: ValidationErrors) -> None:
    """Return None in place of a late argument."""
