"""Reads one entry of a route file, and collects all its errors."""

import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from bundles.realtime.controller import Controller
from bundles.realtime.route_entry import RouteEntry
from bundles.realtime.route_hooks import FIELDS, PARAMETERS, Hook, Hooks, hook_problem
from bundles.realtime.route_schemas import RouteSchemas, read_schemas
from bundles.realtime.route_urls import template_of

KEYS: Final = (
    "method",
    "url",
    "handler",
    *FIELDS,
    "schema",
    "attachValidation",
    "bodyLimit",
    "constraints",
    "exposeHeadRoute",
    "config",
)

_UNSUPPORTED: Final = {
    "onError": "write errorHandler",
    "onTimeout": "set request_timeout, and listen to kernel.exception",
    "onRequestAbort": "call request.when_disconnected() in the handler",
    "logLevel": "set the levels of logging",
}
"""Keys of Fastify that have no effect here, with their replacements."""


class EntryReader:
    """Reads *given*, an entry of the route file of *controller*.

    Attributes:
        problems: the errors that `read` has found, without the place.
    """

    def __init__(self, controller: type[Controller], given: Mapping[str, Any], place: str) -> None:
        self.problems: list[str] = []
        self._controller = controller
        self._given = given
        self._place = place

    def read(self) -> RouteEntry:
        """Return the entry; it is valid only if there are no `problems`."""
        self._check_keys()
        options = self._controller.controller_options
        methods = self._methods()
        host, headers = self._constraints()
        return RouteEntry(
            place=self._place,
            methods=methods,
            path=self._path(options.prefix),
            handler=self._handler(),
            hooks=Hooks(**{field: self._hooks(key) for key, field in FIELDS.items()}),
            middlewares=options.middlewares,
            schemas=self._schemas(),
            schema=self._given.get("schema", {}),
            attach_validation=self._flag("attachValidation", False),
            body_limit=self._body_limit(),
            host=host,
            headers=headers,
            head=self._head(methods),
            config=self._object("config"),
        )

    def _check_keys(self) -> None:
        for key in self._given:
            if key in _UNSUPPORTED:
                self.problems.append(f"the key {key!r} is not supported; {_UNSUPPORTED[key]}")
            elif key not in KEYS:
                near = get_close_matches(key, KEYS, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"the keys are {', '.join(KEYS)}"
                self.problems.append(f"unknown key {key!r}; {hint}")

    def _methods(self) -> tuple[str, ...]:
        given = self._given.get("method")
        names: list[Any] = given if isinstance(given, list) else [given]
        if not names or not all(isinstance(name, str) for name in names):
            self.problems.append(
                f"method is {given!r}; it must be an HTTP method such as 'GET', or a list of them"
            )
            return ()
        methods = tuple(name.upper() for name in names)
        if len(set(methods)) < len(methods):
            self.problems.append(f"method is {given!r}, which repeats a method; remove one")
        return tuple(dict.fromkeys(methods))

    def _path(self, prefix: str) -> str:
        url = self._given.get("url")
        if not isinstance(url, str) or (url and not url.startswith("/")):
            self.problems.append(f"url is {url!r}; it must be a path that begins with '/'")
            return "/"
        try:
            return template_of(prefix + url) or "/"
        except ValueError as exc:
            self.problems.append(f"url is {url!r}: {exc}")
            return "/"

    def _handler(self) -> str:
        name = self._given.get("handler")
        if not isinstance(name, str) or not name:
            self.problems.append(
                f"handler is {name!r}; it must be the name of a method of "
                f"{self._controller.__qualname__}"
            )
            return ""
        self._method("handler", name)
        return name

    def _method(self, key: str, name: str) -> Any:
        """Return the method *name* of the controller. If it is missing, add an error and return
        None."""
        cls = self._controller
        if _is_method(cls, name):
            return getattr(cls, name)
        near = get_close_matches(name, [n for n in dir(cls) if _is_method(cls, n)], 1)
        hint = f"did you mean {near[0]!r}?" if near else "add it, or correct the name"
        self.problems.append(
            f"{key} is {name!r:.100}, which is not a method of {cls.__qualname__}; {hint}"
        )
        return None

    def _hooks(self, key: str) -> tuple[Hook, ...]:
        if key not in self._given:
            return ()
        given = self._given[key]
        names = given if isinstance(given, list) else [given]
        hooks: list[Hook] = []
        for name in names:
            if not isinstance(name, str):
                self.problems.append(
                    f"{key} is {given!r}; it must be the name of a method, or a list of names"
                )
                return ()
            if (method := self._method(key, name)) is not None:
                if (problem := hook_problem(method, PARAMETERS[key])) is not None:
                    self.problems.append(f"{key} is {name!r}; {problem}")
                hooks.append(method)
        return tuple(hooks)

    def _schemas(self) -> RouteSchemas:
        if "schema" not in self._given:
            return RouteSchemas()
        schemas, problems = read_schemas(self._given["schema"])
        self.problems += problems
        return schemas

    def _flag(self, key: str, default: bool) -> bool:
        value = self._given.get(key, default)
        if not isinstance(value, bool):
            self.problems.append(f"{key} is {value!r}; it must be true or false")
            return default
        return value

    def _head(self, methods: tuple[str, ...]) -> bool:
        if "exposeHeadRoute" in self._given and "GET" not in methods:
            self.problems.append("exposeHeadRoute has no effect without GET; remove it")
        return self._flag("exposeHeadRoute", True)

    def _body_limit(self) -> int | None:
        limit = self._given.get("bodyLimit")
        if "bodyLimit" in self._given and (type(limit) is not int or limit < 1):
            self.problems.append(
                f"bodyLimit is {limit!r}; it must be a number of bytes, at least 1"
            )
            return None
        return limit

    def _constraints(self) -> tuple[str | None, Mapping[str, str]]:
        given = self._object("constraints")
        for key, value in given.items():
            if key not in ("host", "version"):
                self.problems.append(
                    f"constraints has the key {key!r}; it must be 'host' or 'version'"
                )
            elif not isinstance(value, str) or not value:
                self.problems.append(f"constraints.{key} is {value!r}; it must be a str")
        host, version = given.get("host"), given.get("version")
        headers = {"Accept-Version": version} if isinstance(version, str) else {}
        return host if isinstance(host, str) else None, headers

    def _object(self, key: str) -> Mapping[str, Any]:
        value = self._given.get(key, {})
        if not isinstance(value, dict):
            self.problems.append(f"{key} is {value!r}; it must be an object")
            return {}
        return value


def _is_method(cls: type, name: str) -> bool:
    """Whether a route file may name the method *name*: special methods and classes are
    excluded."""
    is_special = name.startswith("__") and name.endswith("__")
    return not is_special and inspect.isroutine(getattr(cls, name, None))
