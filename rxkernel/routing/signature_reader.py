"""Reading the signature of an action: which parameter is bound from where, told at boot."""

import inspect
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from decimal import Decimal
from enum import Enum
from types import MappingProxyType, NoneType
from typing import Annotated, Any, Literal, get_args, get_origin
from uuid import UUID

import attrs

from rxkernel.exceptions import ConfigurationError
from rxkernel.messages.connection import Connection
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.messages.upload import UploadedFile
from rxkernel.routing.annotations import (
    alternatives,
    bare,
    is_many,
    is_model,
    is_scalar,
    resolve,
    split,
    unreadable,
    without_none,
)
from rxkernel.routing.converters import FLOAT, INT, Converter
from rxkernel.routing.converters import UUID as UUID_CONVERTER
from rxkernel.routing.markers import Body, Cookie, Header, Inject, Marker, Query
from rxkernel.routing.metadata import HttpMetadata, RouteMetadata
from rxkernel.routing.signature import REQUIRED, Parameter, Signature, Source

_MARKERS = (Header, Query, Cookie, Body, Inject)
_READ = (Source.PARAMS, Source.HEADER, Source.COOKIE, Source.BODY)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_BY_CLASS = MappingProxyType(
    {
        Request: Source.REQUEST,
        Connection: Source.CONNECTION,
        UploadedFile: Source.FILE,
        bytes: Source.BODY,
    }
)
_CONVERTED = MappingProxyType(
    {INT.name: (int, float, Decimal), FLOAT.name: (float, Decimal), UUID_CONVERTER.name: (UUID,)}
)
"""What a value of a path's converter can become; one that is a text can become anything."""


def read_signature(function: Callable[..., Any], metadata: RouteMetadata) -> Signature:
    """What *function* takes and gives back when *metadata* leads to it.

    Raises:
        ConfigurationError: with every parameter that nothing can be bound to.
    """
    place = f"route {metadata.key!r} ({metadata.place})"
    try:
        declared = inspect.signature(function)
    except (TypeError, ValueError) as exc:
        raise ConfigurationError(f"{place} has no signature that can be read: {exc}") from exc
    problems: list[str] = []
    given = [p for p in declared.parameters.values() if p.kind not in _VARIADIC]
    parameters = [
        found for p in given if (found := _parameter(p, function, metadata, problems, len(given)))
    ]
    variadic = [p for p in declared.parameters.values() if p.kind in _VARIADIC]
    if not given and any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in variadic):
        # a wrapper that passes on what it is given
        parameters.append(Parameter("request", Source.REQUEST, "request", Request))
    elif variadic and not _is_plain(parameters):
        problems.append(f"takes {variadic[0]}; name every parameter")
    parameters = _embedded(parameters)
    problems += _conflicts(parameters)
    if not (problems or _can_be_called(function, declared)):
        problems.append(
            "is wrapped by a decorator that takes other parameters than the action; have it take "
            "(*args, **kwargs) and pass them on"
        )
    returns = _returns(declared.return_annotation, function, problems)
    if problems:
        raise ConfigurationError(*(f"{place} {problem}" for problem in problems))
    return Signature(tuple(parameters), returns)


def _can_be_called(function: Callable[..., Any], declared: inspect.Signature) -> bool:
    """Whether what is called takes what is declared, which may be of what it wraps."""
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


def _returns(annotation: Any, function: Callable[..., Any], problems: list[str]) -> Any:
    if annotation is inspect.Signature.empty:
        return Any
    try:
        return resolve(function, "return", annotation)
    except Exception as exc:  # noqa: BLE001 - an annotation may be any expression
        problems.append(_unresolved("its return", annotation, exc))
        return Any


def _unresolved(what: str, annotation: Any, exc: Exception) -> str:
    cure = (
        "define or import its names at the top of the module, outside of TYPE_CHECKING"
        if isinstance(exc, NameError)
        else "write a type"
    )
    return f"has the annotation {annotation!r} for {what}, which cannot be read ({exc}); {cure}"


def _parameter(
    parameter: inspect.Parameter,
    function: Callable[..., Any],
    metadata: RouteMetadata,
    problems: list[str],
    count: int,
) -> Parameter | None:
    what = f"parameter {parameter.name!r}"
    if isinstance(parameter.default, _MARKERS) or _is_marker_class(parameter.default):
        marker = parameter.default
        problems.append(
            f"has the marker {marker!r} as the default of {what}; write it into the type: "
            f"{parameter.name}: Annotated[…, {marker!r}]"
        )
        return None
    if parameter.annotation is inspect.Parameter.empty:
        if count == 1 or parameter.name == "request":
            return _made(parameter, Source.REQUEST, Request)
        problems.append(f"has no type for {what}; say what it is, as in {parameter.name}: int")
        return None
    try:
        annotation = resolve(function, parameter.name, parameter.annotation)
        return _read(parameter, annotation, metadata)
    except ConfigurationError as error:
        problems += [f"cannot bind {what}: {problem}" for problem in error.problems]
    except Exception as exc:  # noqa: BLE001 - an annotation may be any expression
        problems.append(_unresolved(what, parameter.annotation, exc))
    return None


def _made(
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


def _read(
    parameter: inspect.Parameter, annotation: Any, metadata: RouteMetadata
) -> Parameter | None:
    type_, marker = _marker(annotation)
    name = parameter.name
    if marker is None:
        source = _source_of(type_, name, metadata)
        found = _made(parameter, source, type_, "" if source is Source.BODY else name)
    elif isinstance(marker, Inject):
        return _made(parameter, Source.SERVICE, type_)
    elif isinstance(marker, Header):
        found = _made(parameter, Source.HEADER, type_, marker.name or name.replace("_", "-"))
    elif isinstance(marker, Cookie):
        found = _made(parameter, Source.COOKIE, type_, marker.name or name)
    elif isinstance(marker, Query):
        found = _made(parameter, Source.PARAMS, type_, marker.name or name)
    else:
        key = marker.name or ""
        found = _made(parameter, Source.BODY, type_, key, allow_unknown=marker.allow_unknown)
    _check_source(found, metadata)
    return found


def _is_marker_class(thing: Any) -> bool:
    return isinstance(thing, type) and thing in _MARKERS


def _marker(annotation: Any) -> tuple[Any, Marker | None]:
    """The type without its marker, other extras such as `msgspec.Meta` kept; and the marker."""
    type_, extras = split(annotation)
    markers = [e() if _is_marker_class(e) else e for e in extras if _is_marker(e)]
    if len(markers) > 1:
        raise ConfigurationError(f"it has {len(markers)} markers; leave one of them")
    if any(_is_marker(e) for member in get_args(type_) for e in split(member)[1]):
        raise ConfigurationError("its marker is inside of a union; write Annotated[… | None, …]")
    kept = [e for e in extras if not _is_marker(e)]
    for extra in kept:
        type_ = Annotated[type_, extra]
    return type_, markers[0] if markers else None


def _is_marker(extra: Any) -> bool:
    return isinstance(extra, _MARKERS) or _is_marker_class(extra)


def _source_of(type_: Any, name: str, metadata: RouteMetadata) -> Source:
    """Where a value of *type_* comes from when no marker tells."""
    wanted = without_none(type_)
    if isinstance(wanted, type) and not get_args(wanted):
        for cls, source in _BY_CLASS.items():
            if issubclass(wanted, cls):
                return source
    if get_origin(wanted) is list and get_args(wanted) == (UploadedFile,):
        return Source.FILE
    if get_origin(wanted) in (AsyncIterator, AsyncIterable) and get_args(wanted) == (bytes,):
        return Source.STREAM
    if isinstance(wanted, type) and issubclass(wanted, Response):
        raise ConfigurationError("an action returns its response; nothing is there before")
    if wanted in (Any, object):
        raise ConfigurationError(
            "its type says nothing of where it comes from; write Annotated[Any, Body()], or a type"
        )
    if is_scalar(type_) or is_many(type_):
        return Source.PARAMS
    if isinstance(metadata, HttpMetadata) and metadata.http_method in ("GET", "HEAD"):
        reason = unreadable(type_) or (
            f"{metadata.http_method} has no body to read it from; write Annotated[…, Query()] "
            f"for one value per field, or Annotated[…, Body()] if clients send one all the same"
        )
        raise ConfigurationError(reason)
    return Source.BODY


def _check_source(parameter: Parameter, metadata: RouteMetadata) -> None:
    """Refuse what can never come from there.

    Raises:
        ConfigurationError: with the reason and the cure.
    """
    source, type_ = parameter.source, parameter.type
    is_optional = NoneType in alternatives(type_) or parameter.default is not REQUIRED
    over_http = isinstance(metadata, HttpMetadata)
    if source is Source.CONNECTION and over_http and not is_optional:
        raise ConfigurationError("there is no connection over HTTP; write Connection | None")
    if source is Source.FILE and not over_http and not is_optional:
        raise ConfigurationError(
            "there are no uploads over a socket; write UploadedFile | None, or take the bytes"
        )
    if source is Source.STREAM and not over_http:
        raise ConfigurationError("the body of an event comes whole; take bytes")
    if source in _READ and (reason := unreadable(type_)):
        raise ConfigurationError(reason)
    if source is Source.PARAMS:
        _check_param(parameter, metadata)
    elif source is Source.COOKIE and not is_scalar(type_):
        raise ConfigurationError("a cookie is a text; take a type like str or int")
    elif source is Source.HEADER and not (is_scalar(type_) or is_many(type_)):
        raise ConfigurationError("a header is a text; take a type like str, int or list[str]")


def _check_param(parameter: Parameter, metadata: RouteMetadata) -> None:
    template = metadata.template if isinstance(metadata, HttpMetadata) else None
    converter = template.parameters.get(parameter.key) if template else None
    if converter is None:
        if not (is_scalar(parameter.type) or is_many(parameter.type) or is_model(parameter.type)):
            raise ConfigurationError(
                "a parameter is a text, several, or a class with one for each of its fields; "
                "take one of these, or write Annotated[…, Body()]"
            )
    elif not is_scalar(parameter.type) or not _can_meet(converter, parameter.type):
        raise ConfigurationError(
            f"the path gives {{{parameter.key}:{converter.name}}}, which is not what the type "
            f"says; change one of them"
        )


def _can_meet(converter: Converter, type_: Any) -> bool:
    """Whether a value that *converter* makes can become *type_*; a text may become anything."""
    allowed = _CONVERTED.get(converter.name)
    return allowed is None or any(
        a in allowed
        or (get_origin(a) is Literal and any(type(v) in allowed for v in get_args(a)))
        or (
            isinstance(a, type)
            and issubclass(a, Enum)
            and any(type(m.value) in allowed for m in a)
        )
        for a in alternatives(type_)
    )


def _embedded(parameters: list[Parameter]) -> list[Parameter]:
    """Several parameters of a body are fields of it, each by its name."""
    if sum(p.source is Source.BODY for p in parameters) < 2:
        return parameters
    return [
        attrs.evolve(p, key=p.key or p.name) if p.source is Source.BODY else p for p in parameters
    ]


def _conflicts(parameters: list[Parameter]) -> Iterator[str]:
    """What each parameter may be, and all of them together may not."""
    kinds = {p.source for p in parameters} & {Source.STREAM, Source.BODY, Source.FILE}
    streams = [p.name for p in parameters if p.source is Source.STREAM]
    bodies = [p for p in parameters if p.source is Source.BODY]
    if streams and (len(kinds) > 1 or len(streams) > 1):
        yield f"takes the stream {streams[0]!r} and more of a body, which can be read once"
    if Source.FILE in kinds and any(bare(p.type) is bytes for p in bodies):
        yield "takes the bytes of the body and files, which are parts of it; leave one out"
    for key, count in Counter(p.key for p in bodies).items():
        if count > 1:
            yield f"takes the field {key!r} of the body {count} times; give each another name"
