"""The further parameters of a handler: services, and parameters with markers of the kernel."""

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any

from bundles.autoload.endpoints.taken import EMPTY, is_provided, markers_in, signature_of
from rxkernel import ConfigurationError, Inject

_NOT_SERVICES = (str, int, float, bool, complex, bytes, list, tuple, dict, set, frozenset, object)

_MIDDLEWARE = "write async def middleware(request, next), and return a Response"

_OLD_SIGNATURES = {
    ("req", "res", "next"): _MIDDLEWARE,
    ("request", "response", "next"): _MIDDLEWARE,
    ("req", "res"): "write the one parameter client, and return the result",
}
"""Signatures of middleware and handlers of Impress."""

_NO_CALLBACK = "handlers have no callback; return the result"
_EXCEPTION = "write client.exception"

_OLD_PARAMETERS = {
    "callback": _NO_CALLBACK,
    "cb": _NO_CALLBACK,
    "done": _NO_CALLBACK,
    "next": f"only a middleware takes it; {_MIDDLEWARE}",
    "exc": _EXCEPTION,
    "err": _EXCEPTION,
    "error": _EXCEPTION,
    "exception": _EXCEPTION,
}
"""Hints for parameters without a type."""


def handler_parameters(
    function: Callable[..., Any], given: tuple[str, ...]
) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of *function* that the kernel passes, keyword-only, with the
    annotations of a typed action. *given* are the names of the first parameters, which a chain
    passes by position.

    Raises:
        ConfigurationError: every parameter that cannot be passed.
    """
    name = getattr(function, "__name__", "method")
    parameters = [*signature_of(function).parameters.values()]
    if old := _OLD_SIGNATURES.get(tuple(each.name for each in parameters)):
        raise ConfigurationError(f"{name} takes {', '.join(e.name for e in parameters)}; {old}")
    first, rest = parameters[: len(given)], parameters[len(given) :]
    if len(first) < len(given) or any(not _takes_position(each) for each in first):
        raise ConfigurationError(
            f"{name} takes {len(parameters)} parameters; write async def {name}"
            f"({', '.join(given)}), with further parameters for services"
        )
    found: dict[str, inspect.Parameter] = {}
    problems: list[str] = []
    for each in rest:
        try:
            found[each.name] = _passed(name, each)
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(*problems)
    return MappingProxyType(found)


def _takes_position(parameter: inspect.Parameter) -> bool:
    return parameter.kind in (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    )


def _passed(name: str, parameter: inspect.Parameter) -> inspect.Parameter:
    if parameter.kind not in (
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.KEYWORD_ONLY,
    ):
        raise ConfigurationError(f"{name} takes {parameter}; name each parameter")
    annotation, advice = parameter.annotation, _OLD_PARAMETERS.get(parameter.name)
    if not ([*markers_in(annotation)] or is_provided(annotation)):
        if annotation is EMPTY and advice is not None:
            raise ConfigurationError(f"{name} takes {parameter.name!r}; {advice}")
        if annotation is EMPTY:
            raise ConfigurationError(
                f"{name} has no type for {parameter.name!r}; write the class of a service, or "
                f"read client.parameters[{parameter.name!r}], which the client sends"
            )
        if not isinstance(annotation, type) or annotation in _NOT_SERVICES:
            raise ConfigurationError(
                f"{name} takes {parameter.name!r}, which is not a service; read "
                f"client.parameters[{parameter.name!r}], or write Annotated[…, Query()]"
            )
        annotation = Annotated[annotation, Inject()]
    return parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=annotation)
