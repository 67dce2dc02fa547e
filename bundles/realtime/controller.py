"""`Controller`: HTTP routes that a JSON file declares, with their hooks and schemas."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import attrs

from bundles.realtime.component import Component
from bundles.realtime.middleware import Listed, Middleware, listed
from rxkernel import ConfigurationError

_NEW_WORD = re.compile("(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@attrs.frozen
class ControllerOptions:
    """The arguments of the class of a controller.

    Attributes:
        name: the prefix of the names of the routes, and the default of *routes* and *prefix*.
        routes: the route file, relative to the folder ``realtime.routes``.
        prefix: the prefix of the paths, such as ``/v1``; or empty.
        middlewares: the middlewares that run before the actions, in this order.
    """

    name: str
    routes: str
    prefix: str
    middlewares: tuple[type[Middleware] | Middleware, ...] = ()


class Controller(Component):
    """HTTP routes of a JSON file: ``class ApiController(Controller, prefix="/v1"): …``.

    The file names a method as the handler of each route, and methods as its hooks. A handler is a
    typed action: it returns a value or a `Response`.

    Args:
        name: the name of the controller; by default the class name without ``Controller``, in
            lower case with underscores.
        routes: the route file, relative to the folder ``realtime.routes``; by default
            ``<name>.json``.
        prefix: the prefix of the paths; by default ``/<name>``. Empty or ``/``: no prefix.
        middlewares: their `Middleware.http` runs before the actions, in this order. The injector
            builds classes.

    A subclass of a controller inherits these arguments, except the defaults.

    Raises:
        ConfigurationError: an argument is invalid.
    """

    controller_options: ClassVar[ControllerOptions]
    _written: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    def __init_subclass__(
        cls,
        *,
        name: str | None = None,
        routes: str | None = None,
        prefix: str | None = None,
        middlewares: Listed | None = None,
        **options: Any,
    ) -> None:
        super().__init_subclass__(**options)
        _check(cls, name=name, routes=routes, prefix=prefix)
        if middlewares is not None:
            middlewares = listed(middlewares, f"the controller {cls.__qualname__}")
        own = {"name": name, "routes": routes, "prefix": prefix, "middlewares": middlewares}
        written: dict[str, Any] = {
            **cls._written,
            **{key: value for key, value in own.items() if value is not None},
        }
        cls._written = written
        own_name: str = written.get("name", name_of(cls))
        cls.controller_options = ControllerOptions(
            own_name,
            written.get("routes", f"{own_name}.json"),
            clean_prefix(written.get("prefix", f"/{own_name}")),
            written.get("middlewares", ()),
        )


def name_of(cls: type) -> str:
    """Return the default name of a controller: for ``UserApiController`` it is ``user_api``."""
    name = cls.__name__.removesuffix("Controller") or cls.__name__
    return _NEW_WORD.sub("_", name).lower()


def clean_prefix(prefix: str) -> str:
    """Return *prefix* with a leading and without a trailing slash; empty for ``/``."""
    stripped = prefix.strip("/")
    return f"/{stripped}" if stripped else ""


def _check(cls: type, **texts: object) -> None:
    problems = [
        f"controller {cls.__qualname__}: {key} is {value!r}; it must be a str"
        for key, value in texts.items()
        if value is not None and not isinstance(value, str)
    ]
    if texts["name"] == "":
        problems.append(
            f"controller {cls.__qualname__}: name is empty; write a name, or remove the argument"
        )
    if problems:
        raise ConfigurationError(*problems)
