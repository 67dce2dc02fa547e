"""Handlers that a program registers: ``application.get("/hello.ajax", function)``."""

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import attrs

from bundles.autoload.endpoints.functions import is_async, kind_of
from bundles.web.directories.handler import Handler
from bundles.web.directories.handler_files import handler_of
from rxkernel import ConfigurationError

NO_META: Mapping[str, Any] = MappingProxyType({})

_MIDDLEWARE = ["request", "next"]


@attrs.frozen(eq=False)
class ProgramHandler:
    """The verb handler of the directory *path*."""

    path: str
    handler: Handler


def program_handler(
    verb: str, path: str, function: Callable[..., Any], meta: Mapping[str, Any] = NO_META
) -> ProgramHandler:
    """Return *function* as the handler of *verb* for *path*: the same as in a file of this name.

    A function whose first parameters are ``request`` and ``next`` is a middleware.

    Raises:
        ConfigurationError: every problem, with the place of the function.
    """
    place = place_of(function)
    problems = []
    is_path = isinstance(path, str) and path.startswith("/")
    if not is_path or "//" in path or any(c in path for c in "{}?#"):
        problems.append(
            f"the path is {path!r}; write the URL of a directory, such as '/hello.ajax'"
        )
    if not is_async(function):
        problems.append(f"the handler of {path!r} is {kind_of(function)}; write async def")
        raise ConfigurationError(*(f"{place}: {problem}" for problem in problems))
    names = [*inspect.signature(function).parameters]
    fields = {"meta": meta} if meta else {}
    try:
        handler = handler_of(
            verb,
            function,
            fields,
            is_middleware=names[:2] == _MIDDLEWARE,
            key="",
            place=place,
            problems=problems,
        )
    except ConfigurationError as error:
        raise ConfigurationError(*(f"{place}: {p}" for p in error.problems)) from None
    return ProgramHandler(path, handler)


def place_of(function: Any) -> str:
    """Return the file and the line of *function*, for errors."""
    code = getattr(inspect.unwrap(function) if callable(function) else None, "__code__", None)
    return repr(function) if code is None else f"{code.co_filename}:{code.co_firstlineno}"
