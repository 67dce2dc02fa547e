"""Reads the parameters of the function of an endpoint: those that a client sends, and others."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import attrs

from bundles.autoload.endpoints.context import Context, CurrentContext
from rxkernel import (
    Body,
    ConfigurationError,
    Connection,
    Marker,
    Query,
    Request,
    UploadedFile,
    bundle_with_marker,
)

EMPTY = inspect.Parameter.empty

REQUEST = "request"
"""The name of the parameter of actions. A function's parameter of this name must be the same."""

_UNIONS = (Union, UnionType)

_PROVIDED = (Context, Request, Connection, UploadedFile)


@attrs.frozen
class Taken:
    """The parameters of a function.

    Attributes:
        arguments: the parameters that a client sends, by name.
        provided: the annotations of the parameters that the kernel provides, by name.
        rest: the name of ``**rest``, or None.
        returns: the return annotation; `Any` without one.
    """

    arguments: Mapping[str, inspect.Parameter]
    provided: Mapping[str, inspect.Parameter]
    rest: str | None
    returns: Any

    @property
    def is_typed(self) -> bool:
        """Whether an argument has a declared type."""
        return any(p.annotation is not EMPTY for p in self.arguments.values())

    @property
    def required(self) -> list[str]:
        """The names of arguments without a default."""
        return [name for name, p in self.arguments.items() if p.default is EMPTY]


def taken_by(function: Callable[..., Any]) -> Taken:
    """Return the parameters of *function*.

    Raises:
        ConfigurationError: lists every parameter that cannot be passed.
    """
    signature = signature_of(function)
    arguments: dict[str, inspect.Parameter] = {}
    provided: dict[str, inspect.Parameter] = {}
    rest: str | None = None
    problems: list[str] = []
    for name, parameter in signature.parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            rest = name
            continue
        if parameter.kind in (
            inspect.Parameter.VAR_POSITIONAL,
            inspect.Parameter.POSITIONAL_ONLY,
        ):
            problems.append(f"takes {parameter}; arguments are passed by name: write {name}")
            continue
        markers = list(markers_in(parameter.annotation))
        if any(_is_argument(marker) for marker in markers):
            problems.append(
                f"has a marker for {name!r}; arguments come from the body, the query or the "
                f"event: write the type alone"
            )
        elif markers or is_provided(parameter.annotation):
            provided[name] = _as_provided(parameter)
            if name == REQUEST and parameter.annotation is not Request:
                problems.append(f"has a parameter {name!r} that is not a Request; rename it")
        else:
            arguments[name] = parameter
    if problems:
        name = getattr(function, "__name__", "method")
        raise ConfigurationError(*(f"{name} {problem}" for problem in problems))
    returns = signature.return_annotation
    return Taken(arguments, provided, rest, Any if returns is EMPTY else returns)


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of *function*, with its annotations as types.

    Raises:
        ConfigurationError: it has no signature, or an annotation cannot be read.
    """
    name = getattr(function, "__name__", "method")
    try:
        return inspect.signature(function, eval_str=True)
    except (TypeError, ValueError) as exc:
        raise ConfigurationError(f"{name} has no signature: {exc}") from exc
    except Exception as exc:  # an annotation may be any expression
        raise ConfigurationError(
            f"{name} has an annotation that cannot be read ({exc}); define or import its names at "
            f"the top of the file, outside of TYPE_CHECKING"
        ) from exc


def markers_in(annotation: Any) -> Iterator[Any]:
    """Yield the markers in *annotation*, also inside of a union and an alias."""
    annotation = getattr(annotation, "__value__", annotation)
    if get_origin(annotation) is Annotated:
        for extra in annotation.__metadata__:
            if isinstance(extra, Marker) or (
                isinstance(extra, type) and issubclass(extra, Marker)
            ):
                yield extra
        yield from markers_in(annotation.__origin__)
    elif get_origin(annotation) in _UNIONS:
        for member in get_args(annotation):
            yield from markers_in(member)


def _is_argument(marker: Any) -> bool:
    cls = marker if isinstance(marker, type) else type(marker)
    return issubclass(cls, Body | Query)


def is_provided(annotation: Any) -> bool:
    """Whether the kernel provides values of this type. An upload is not a JSON argument."""
    members = get_args(annotation) if get_origin(annotation) in _UNIONS else (annotation,)
    return any(
        member == list[UploadedFile]
        or (isinstance(member, type) and not get_args(member) and _is_service(member))
        for member in members
    )


def _is_service(cls: type[Any]) -> bool:
    return issubclass(cls, _PROVIDED) or bundle_with_marker(cls) is not None


def _as_provided(parameter: inspect.Parameter) -> inspect.Parameter:
    annotation = CurrentContext if parameter.annotation is Context else parameter.annotation
    return parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=annotation)
