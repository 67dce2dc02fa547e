"""Checks the parameters of an action at boot: each one, and their combination."""

from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal
from enum import Enum
from types import MappingProxyType, NoneType
from typing import Any, Literal, get_args, get_origin
from uuid import UUID

from rxkernel.exceptions import ConfigurationError
from rxkernel.nearest import nearest
from rxkernel.routing.annotations import (
    alternatives,
    bare,
    is_many,
    is_model,
    is_scalar,
    without_none,
)
from rxkernel.routing.kinds import FLOAT, INT, STR
from rxkernel.routing.kinds import UUID as UUID_KIND
from rxkernel.routing.metadata import HttpMetadata, RouteMetadata
from rxkernel.routing.scalars import Scalars, wire_class
from rxkernel.routing.signature import REQUIRED, Parameter, Source
from rxkernel.routing.type_support import (
    field_keys,
    holds_upload,
    required_uploads,
    structured_fields,
    unreadable,
)

_READ = (Source.PARAMS, Source.HEADER, Source.COOKIE, Source.BODY)
_CONVERTED = MappingProxyType(
    {INT.name: (int, float, Decimal), FLOAT.name: (float, Decimal), UUID_KIND.name: (UUID,)}
)
"""The types that a value of a built-in converter can become; a str can become any type."""

_TYPES = MappingProxyType({INT.name: "int", FLOAT.name: "float", UUID_KIND.name: "UUID"})
"""The type of a parameter by the converter in its path, if it is not str."""


def check_source(parameter: Parameter, metadata: RouteMetadata) -> None:
    """Reject a type that the source of *parameter* cannot provide.

    Raises:
        ConfigurationError: with the reason and a hint.
    """
    source, type_, scalars = parameter.source, parameter.type, parameter.scalars
    is_optional = NoneType in alternatives(type_) or parameter.default is not REQUIRED
    over_http = isinstance(metadata, HttpMetadata)
    if source is Source.CONNECTION and over_http and not is_optional:
        raise ConfigurationError("HTTP has no connection; write Connection | None")
    if source is Source.FILE and not over_http and not is_optional:
        raise ConfigurationError(
            "uploads are not supported over a socket; write UploadedFile | None, or take bytes"
        )
    if source is Source.FILE:
        _check_method(metadata)
    if source is Source.STREAM and not over_http:
        raise ConfigurationError("the body of an event is not a stream; take bytes")
    if parameter.is_converted:
        _check_default(parameter)
        return
    takes_uploads = source is Source.BODY
    if source in _READ and (reason := unreadable(type_, scalars, takes_uploads=takes_uploads)):
        raise ConfigurationError(reason)
    if takes_uploads and holds_upload(type_, scalars):
        _check_uploads(type_, metadata, scalars)
    _check_default(parameter)
    if source is Source.PARAMS:
        _check_param(parameter, metadata)
    elif source is Source.COOKIE and not is_scalar(type_, scalars):
        raise ConfigurationError("a cookie is text; use a type like str or int")
    elif source is Source.HEADER and not (is_scalar(type_, scalars) or is_many(type_, scalars)):
        raise ConfigurationError("a header is text; use a type like str, int or list[str]")


def check_query(type_: Any, key: str, metadata: RouteMetadata, scalars: Scalars) -> None:
    """Reject a `Query` with the name of a parameter of the path, whose value it would receive.

    Raises:
        ConfigurationError: with both fixes.
    """
    if not isinstance(metadata, HttpMetadata):
        return
    is_class = is_model(type_)
    for name in field_keys(type_, scalars) if is_class else (key,):
        if name in metadata.syntax.parameters:
            what = f"the field {name!r} of its class" if is_class else f"Query({name!r})"
            fix = f"write {_parameter_for(name, metadata)} for the value of the path"
            raise ConfigurationError(
                f"{what} has the name of {{{name}}} in its path, whose value it would receive; "
                f"rename one of them, or {fix}"
            )


def _check_uploads(type_: Any, metadata: RouteMetadata, scalars: Scalars) -> None:
    """Reject uploads in a class that clients of *metadata* cannot send."""
    if isinstance(metadata, HttpMetadata):
        _check_method(metadata)
    elif names := required_uploads(type_, scalars):
        raise ConfigurationError(
            f"uploads cannot be sent over a socket, and its {', '.join(map(repr, names))} is "
            f"required; write UploadedFile | None = None"
        )


def _check_method(metadata: RouteMetadata) -> None:
    if (method := method_of(metadata)) in ("GET", "HEAD"):
        raise ConfigurationError(f"{method} has no body for uploads; use POST or PUT")


def _check_default(parameter: Parameter) -> None:
    """Each request gets its own copy, see `kernel.binding.arguments.absent`."""
    try:
        deepcopy(parameter.default)
    except Exception as exc:  # a copy may run any code
        raise ConfigurationError(
            f"its default cannot be copied for each request ({exc}); use the default None, or "
            f"take a service: Annotated[…, Inject()]"
        ) from exc


def method_of(metadata: RouteMetadata) -> str | None:
    """Return the HTTP method; None for an event."""
    return metadata.http_method if isinstance(metadata, HttpMetadata) else None


def _check_param(parameter: Parameter, metadata: RouteMetadata) -> None:
    syntax, over_http = metadata.template_syntax, isinstance(metadata, HttpMetadata)
    kind = None if syntax is None else syntax.parameters.get(parameter.key)
    type_, scalars = parameter.type, parameter.scalars
    if kind is None:
        if not (is_scalar(type_, scalars) or is_many(type_, scalars) or is_model(type_)):
            raise ConfigurationError(
                "a parameter is read from text; use a type like str, int or list[str], a class "
                "with such fields, or Annotated[…, Body()]"
            )
        if over_http and (fields := structured_fields(type_, scalars)):
            raise ConfigurationError(
                f"its {', '.join(fields)} cannot be read from text; use fields with types like "
                f"str, int or list[str], or write Annotated[…, Body()]"
            )
    elif not is_scalar(type_, scalars) or not _can_become(kind, type_, scalars):
        where = "path" if over_http else "namespace"
        raise ConfigurationError(_path_mismatch(parameter, kind, where))


def _path_mismatch(parameter: Parameter, kind: str, where: str) -> str:
    """Return the problem that the type of *parameter* does not match its converter in the path or
    the namespace, with both fixes."""
    key, type_ = parameter.key, parameter.type
    made = _TYPES.get(kind, "str")
    field = key if kind == STR.name else f"{key}:{kind}"
    hint = f"write {parameter.name}: {made}"
    if is_scalar(type_, parameter.scalars):
        others = {made: kind for kind, made in _TYPES.items()}
        other = others.get(_shown(without_none(type_)))
        hint += (
            f", or {{{key}:{other}}} in the {where}" if other else f", or {{{key}}} in the {where}"
        )
    return f"{{{field}}} of its {where} is {made}, which cannot become {_shown(type_)}; {hint}"


def _shown(type_: Any) -> str:
    return type_.__name__ if type(type_) is type else str(type_)


def _can_become(kind: str, type_: Any, scalars: Scalars) -> bool:
    """Whether a value of *kind* can become *type_*; a str can become any type."""
    allowed = _CONVERTED.get(kind)
    return allowed is None or any(
        a in allowed
        or ((scalar := scalars.get(a)) is not None and wire_class(scalar) in allowed)
        or (get_origin(a) is Literal and any(type(v) in allowed for v in get_args(a)))
        or (
            isinstance(a, type)
            and issubclass(a, Enum)
            and any(type(m.value) in allowed for m in a)
        )
        for a in alternatives(type_)
    )


def conflicts(parameters: list[Parameter]) -> Iterator[str]:
    """Yield the conflicts between parameters that are each valid."""
    kinds = {p.source for p in parameters} & {Source.STREAM, Source.BODY, Source.FILE}
    streams = [p.name for p in parameters if p.source is Source.STREAM]
    bodies = [p for p in parameters if p.source is Source.BODY]
    if streams and (len(kinds) > 1 or len(streams) > 1):
        yield (
            f"takes the stream {streams[0]!r} and more of the body, which can be read only once; "
            f"take one of them"
        )
    if Source.FILE in kinds and any(bare(p.type) is bytes for p in bodies):
        yield "takes the bytes of the body and files, which are parts of it; remove one"
    for key, count in Counter(p.key for p in bodies).items():
        if count > 1:
            yield f"takes the field {key!r} of the body {count} times; use different names"


def unbound(parameters: list[Parameter], metadata: RouteMetadata) -> Iterator[str]:
    """Yield a problem for each path parameter that the action does not take, maybe because of a
    wrong name.

    Nothing is yielded if the action takes the request, or no parameter at all. If it takes a
    service or a resolver, which may read the path, only similar names are reported.
    """
    sources = {p.source for p in parameters}
    syntax = metadata.template_syntax
    if not isinstance(metadata, HttpMetadata) or syntax is None:
        return
    if not sources or Source.REQUEST in sources:
        return
    path = syntax.parameters
    taken = {key for p in parameters if p.source is Source.PARAMS for key in p.keys}
    others = sorted(taken.difference(path))
    for name in path:
        if name in taken:
            continue
        near = nearest(name, others)
        if near:
            yield (
                f"takes {near!r}, which its path {metadata.path!r} does not have, and does not "
                f"take {{{name}}} of the path; use the same name for both"
            )
        elif not sources & {Source.SERVICE, Source.RESOLVER}:
            yield (
                f"does not take {{{name}}} of its path {metadata.path!r}; add "
                f"{_parameter_for(name, metadata)} to the action, or take the Request"
            )


def _parameter_for(name: str, metadata: HttpMetadata) -> str:
    kind = metadata.syntax.parameters[name]
    if name in metadata.syntax.converted:
        return f"{name}, with the type that converter {kind!r} returns,"
    return f"{name}: {_TYPES.get(kind, 'str')}"
