"""Reads the signature of an action, and finds the source of each parameter."""

import inspect
from collections.abc import AsyncIterable, AsyncIterator, Callable
from functools import partial
from types import FunctionType, MappingProxyType
from typing import Any, TypeVar, get_args, get_origin

import attrs

from rxkernel.exceptions import ConfigurationError
from rxkernel.messages.connection import Connection
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.messages.upload import UploadedFile
from rxkernel.routing.annotations import bare, is_list, is_many, is_scalar, shadowed, without_none
from rxkernel.routing.generics import check_closed, resolve_in
from rxkernel.routing.marker_reader import is_marker, read_marker
from rxkernel.routing.markers import (
    Body,
    BuiltInMarker,
    Cookie,
    Header,
    Inject,
    Marker,
    Query,
    hint_for_default,
)
from rxkernel.routing.metadata import ProcedureMetadata, RouteMetadata, WebSocketMetadata
from rxkernel.routing.misplaced_markers import refuse_misplaced
from rxkernel.routing.parameter_rules import (
    check_query,
    check_source,
    conflicts,
    method_of,
    unbound,
)
from rxkernel.routing.return_markers import MarkedReturn, read_return
from rxkernel.routing.scalars import NO_SCALARS, Scalars
from rxkernel.routing.signature import Parameter, Signature, Source
from rxkernel.routing.targets import name_of_action
from rxkernel.routing.type_support import unreadable
from rxkernel.routing.wrappers import wrapped_action

_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_BY_CLASS = MappingProxyType(
    {
        Request: Source.REQUEST,
        Connection: Source.CONNECTION,
        UploadedFile: Source.FILE,
        bytes: Source.BODY,
    }
)

DefaultMarker = Callable[[type[Any]], Marker | None]
"""Returns the marker for a parameter of this class without a marker, or None."""


def _no_marker(cls: type[Any]) -> None:
    """The `DefaultMarker` without bundles."""


def read_signature(
    function: Callable[..., Any],
    metadata: RouteMetadata,
    scalars: Scalars = NO_SCALARS,
    *,
    returns: MarkedReturn | None = None,
    default_marker: DefaultMarker = _no_marker,
) -> Signature:
    """Return the signature of *function*, the action of *metadata*; *scalars* are those of the
    application, *returns* is the return type if it has been read for another route.
    *default_marker* is called for the classes of parameters without a marker.

    Raises:
        ConfigurationError: with every parameter that cannot be bound.
    """
    place = f"route {metadata.key!r} ({metadata.location})"
    try:
        declared = inspect.signature(function)
    except (TypeError, ValueError) as exc:
        raise ConfigurationError(f"{place} has a signature that cannot be read: {exc}") from exc
    problems: list[str] = []
    given = [p for p in declared.parameters.values() if p.kind not in _VARIADIC]
    context = _Context(metadata, scalars, default_marker, is_single=len(given) == 1)
    parameters = [p for one in given if (p := _parameter(one, function, context, problems))]
    variadic = [p for p in declared.parameters.values() if p.kind in _VARIADIC]
    if variadic or any(p.annotation is p.empty for p in given):
        problems += _hidden(function, bool(variadic), context)
    if not given and any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in variadic):
        # a wrapper that passes its arguments on
        parameters.append(Parameter("request", Source.REQUEST, "request", Request))
    elif variadic and not _is_plain(parameters):
        problems.append(f"takes {variadic[0]}; name every parameter")
    parameters = _embedded(parameters, context)
    problems += conflicts(parameters)
    if len(parameters) >= len(given):  # else a parameter with a problem may take it
        problems += unbound(parameters, metadata)
    if not (problems or _can_be_called(function, declared)):
        problems.append(
            "is wrapped by a decorator that takes other parameters than the action; write a "
            "wrapper that takes (*args, **kwargs) and passes them on"
        )
    if returns is None:
        returns = _returns(declared.return_annotation, function, context, problems)
    if problems:
        raise ConfigurationError(*(f"{place} {problem}" for problem in problems))
    return Signature(tuple(parameters), returns.type, returns.markers, scalars)


@attrs.frozen
class _Context:
    """The data that all parameters of an action share. ``is_single``: there is only one parameter.
    ``unmarked``: the names of parameters without a marker that are read from the body."""

    metadata: RouteMetadata
    scalars: Scalars
    default_marker: DefaultMarker
    is_single: bool
    unmarked: set[str] = attrs.field(factory=set, eq=False)


def _hidden(function: Callable[..., Any], is_variadic: bool, context: _Context) -> list[str]:
    """Return the problem if *function* is a wrapper without declared parameters that hides those
    of an action, which takes other arguments than the request.

    A wrapper of an action without arguments is not a problem, unless it *is_variadic*.
    """
    inner = wrapped_action(function, name_of_action(context.metadata.action))
    if inner is None:
        return []
    given = [p for p in inspect.signature(inner).parameters.values() if p.kind not in _VARIADIC]
    if not isinstance(function, FunctionType):  # a method
        given = given[1:]
    context = attrs.evolve(context, is_single=len(given) == 1)
    found = [_parameter(p, inner, context, []) for p in given]
    if _is_plain([p for p in found if p is not None]) or not (given or is_variadic):
        return []
    names = ", ".join(p.name for p in given)
    otherwise = (
        ""
        if is_variadic
        else "; if it passes other arguments on, annotate its parameters, as in request: Request"
    )
    return [
        f"is wrapped by a decorator that hides its parameters ({names}); put "
        f"@functools.wraps(function) on the wrapper{otherwise}"
    ]


def _can_be_called(function: Callable[..., Any], declared: inspect.Signature) -> bool:
    """Whether *function* accepts *declared*, which may be the signature of a wrapped function."""
    kinds = [(p.name, p.kind) for p in declared.parameters.values() if p.kind not in _VARIADIC]
    named = {name: None for name, kind in kinds if kind is inspect.Parameter.KEYWORD_ONLY}
    try:
        outer = inspect.signature(function, follow_wrapped=False)
        outer.bind(*[None] * (len(kinds) - len(named)), **named)
    except TypeError:
        return False
    return True


def _is_plain(parameters: list[Parameter]) -> bool:
    return [p.source for p in parameters] == [Source.REQUEST]


def _returns(
    annotation: Any,
    function: Callable[..., Any],
    context: _Context,
    problems: list[str],
) -> MarkedReturn:
    metadata = context.metadata
    if annotation is inspect.Signature.empty:
        return MarkedReturn(Any)
    try:
        returns = read_return(
            resolve_in(
                metadata.owner, name_of_action(metadata.action), function, "return", annotation
            )
        )
        check_closed(returns.type, context.scalars)
        return returns
    except ConfigurationError as error:
        problems += [f"has an invalid return type: {problem}" for problem in error.problems]
        return MarkedReturn(Any)
    except Exception as exc:  # noqa: BLE001 - an annotation may be any expression
        problems.append(_unresolved("its return", annotation, exc))
        return MarkedReturn(Any)


def _unresolved(what: str, annotation: Any, exc: Exception) -> str:
    hint = (
        "define or import its names at the top of the module, outside of TYPE_CHECKING"
        if isinstance(exc, NameError)
        else "write a type"
    )
    return f"has the annotation {annotation!r} for {what}, which cannot be read ({exc}); {hint}"


def _parameter(
    parameter: inspect.Parameter,
    function: Callable[..., Any],
    context: _Context,
    problems: list[str],
) -> Parameter | None:
    metadata = context.metadata
    what = f"parameter {parameter.name!r}"
    if is_marker(parameter.default):
        marker = parameter.default
        hint = hint_for_default(marker, parameter.name, _source_text(parameter.annotation))
        problems.append(f"has the marker {marker!r} as the default of {what}; {hint}")
        return None
    if parameter.annotation is inspect.Parameter.empty:
        syntax = metadata.template_syntax
        in_path = syntax is not None and parameter.name in syntax.parameters
        if parameter.name == "request" or (context.is_single and not in_path):
            return _new_parameter(parameter, Source.REQUEST, Request)
        problems.append(f"has no type for {what}; add one, as in {parameter.name}: int")
        return None
    try:
        annotation = resolve_in(
            metadata.owner,
            name_of_action(metadata.action),
            function,
            parameter.name,
            parameter.annotation,
        )
        return _read(parameter, annotation, context)
    except ConfigurationError as error:
        problems += [f"cannot bind {what}: {problem}" for problem in error.problems]
    except Exception as exc:  # noqa: BLE001 - an annotation may be any expression
        problems.append(_unresolved(what, parameter.annotation, exc))
    return None


def _new_parameter(
    parameter: inspect.Parameter, source: Source, type_: Any, key: str | None = None, **more: Any
) -> Parameter:
    is_keyword_only = parameter.kind is inspect.Parameter.KEYWORD_ONLY
    return Parameter(
        parameter.name,
        source,
        parameter.name if key is None else key,
        type_,
        parameter.default,
        is_keyword_only=is_keyword_only,
        **more,
    )


def _read(parameter: inspect.Parameter, annotation: Any, context: _Context) -> Parameter:
    metadata, scalars = context.metadata, context.scalars
    if annotation is Request and parameter.default is inspect.Parameter.empty:
        return _new_parameter(parameter, Source.REQUEST, Request)  # its fields need not be read
    type_, marker = read_marker(annotation)
    if marker is None and isinstance(cls := get_origin(type_) or type_, type):
        marker = context.default_marker(cls)
    new = partial(_new_parameter, parameter, scalars=scalars)
    name = parameter.name
    if (problem := shadowed(type_)) is not None:
        raise ConfigurationError(problem)
    if isinstance(marker, Inject) or not isinstance(marker, BuiltInMarker | None):
        if isinstance(bare(type_), TypeVar):  # any other type is allowed, since it is not read
            check_closed(type_)
        if isinstance(marker, Inject):
            return new(Source.SERVICE, type_)
        return new(Source.RESOLVER, type_, marker=marker)
    refuse_misplaced(type_, scalars)
    check_closed(type_, scalars)
    if isinstance(marker, Query):
        check_query(type_, marker.name or name, metadata, scalars)
    if isinstance(marker, Query | None):
        key = name if marker is None else marker.name or name
        if _is_converted(key, type_, context):
            found = new(Source.PARAMS, type_, key, is_converted=True)
            check_source(found, metadata)
            return found
    if marker is None:
        source = _source_of(type_, context)
        if source is Source.BODY:
            context.unmarked.add(name)
        found = new(source, type_, "" if source is Source.BODY else name)
    elif isinstance(marker, Header):
        found = new(Source.HEADER, type_, marker.name or name.replace("_", "-"))
    elif isinstance(marker, Cookie):
        found = new(Source.COOKIE, type_, marker.name or name)
    elif isinstance(marker, Query):
        found = new(Source.PARAMS, type_, marker.name or name)
    else:
        assert isinstance(marker, Body)
        key = marker.name or ""
        found = new(Source.BODY, type_, key, allow_unknown=marker.allow_unknown)
    check_source(found, metadata)
    return found


def _source_text(annotation: Any) -> str:
    """Return *annotation* as source text, for a hint."""
    if annotation is inspect.Parameter.empty or isinstance(annotation, str):
        return annotation if isinstance(annotation, str) else "…"
    return annotation.__name__ if type(annotation) is type else str(annotation)


def _is_converted(key: str, type_: Any, context: _Context) -> bool:
    """Whether a converter of the application returns *key*, of a type that text cannot become."""
    syntax, scalars = context.metadata.template_syntax, context.scalars
    if syntax is None or key not in syntax.converted:
        return False
    return not is_scalar(type_, scalars) or unreadable(type_, scalars) is not None


def _source_of(type_: Any, context: _Context) -> Source:
    """Return the source of a parameter without a marker."""
    wanted, scalars = without_none(type_), context.scalars
    if isinstance(wanted, type) and not get_args(wanted) and wanted not in scalars:
        for cls, source in _BY_CLASS.items():
            if issubclass(wanted, cls):
                if source is Source.BODY:
                    _check_body(type_, context)
                return source
    if get_origin(wanted) is list and get_args(wanted) == (UploadedFile,):
        return Source.FILE
    if get_origin(wanted) in (AsyncIterator, AsyncIterable) and get_args(wanted) == (bytes,):
        return Source.STREAM
    if isinstance(wanted, type) and issubclass(wanted, Response):
        raise ConfigurationError("an action cannot take a response; return one")
    if wanted in (Any, object):
        raise ConfigurationError(
            "its type does not determine its source; write Annotated[Any, Body()], or another type"
        )
    if is_scalar(type_, scalars) or is_many(type_, scalars):
        return Source.PARAMS
    _check_body(type_, context)
    return Source.BODY


def _check_body(type_: Any, context: _Context) -> None:
    if (method := method_of(context.metadata)) not in ("GET", "HEAD"):
        return
    others = (
        ""
        if without_none(type_) is bytes
        else "Annotated[…, Query()] for one value per field, or "
    )
    raise ConfigurationError(
        unreadable(type_, context.scalars)
        or f"{method} has no body to read it from; write {others}Annotated[…, Body()] if clients "
        f"send one nevertheless"
    )


def _is_value(metadata: RouteMetadata) -> bool:
    """Whether the client sends one value, whose fields are the parameters."""
    return (
        isinstance(metadata, WebSocketMetadata | ProcedureMetadata)
        and metadata.arguments == "value"
    )


def _embedded(parameters: list[Parameter], context: _Context) -> list[Parameter]:
    """Make each of several body parameters a field of the body, by its name.

    If the client sends one value, whose fields are the parameters, a body parameter without a
    marker is a field too if it is a list, or if there are other parameters.
    """
    are_fields = sum(p.source is Source.BODY for p in parameters) > 1
    metadata = context.metadata
    is_value = _is_value(metadata)
    syntax = metadata.template_syntax
    of_namespace = frozenset(() if syntax is None else syntax.parameters)
    has_params = is_value and any(
        p.source is Source.PARAMS and not of_namespace.issuperset(p.keys) for p in parameters
    )

    def embedded(p: Parameter) -> Parameter:
        if p.source is not Source.BODY:
            return p
        is_field = are_fields or (
            is_value and p.name in context.unmarked and (has_params or is_list(p.type))
        )
        key = p.key or (p.name if is_field else "")
        return attrs.evolve(p, key=key)

    return [embedded(p) for p in parameters]
