"""Runs the middlewares of a component before its actions."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from injector import Injector, inject

from bundles.realtime.middleware import Listed, Middleware, listed
from rxkernel import ConfigurationError, Request, Response

Action = Callable[[Request], Awaitable[Any]]
Before = Callable[[Request], Awaitable[Response | None]]

_METHODS = ("http", "connect", "event")
"""The methods of a `Middleware`."""


class Middlewares:
    """The middlewares of an application, one instance of each class."""

    @inject
    def __init__(self, injector: Injector) -> None:
        self._injector = injector
        self._built: dict[type[Middleware], Middleware] = {}

    def of(
        self,
        given: Listed,
        owner: str,
        methods: Sequence[str],
    ) -> tuple[Middleware, ...]:
        """Return the instances of *given*, the middlewares of *owner*.

        Raises:
            ConfigurationError: *given* is not a list; or lists each item that is not a
                `Middleware`, cannot be built, overrides none of *methods*, or overrides a method
                that is not async.
        """
        problems: list[str] = []
        found = []
        for one in listed(given, owner):
            name = getattr(one, "__qualname__", None) or type(one).__qualname__
            try:
                middleware = self._instance(one)
            except Exception as exc:  # noqa: BLE001 - a constructor may raise anything
                problems.append(f"the middleware {name} of {owner} cannot be built: {exc}")
                continue
            found.append(middleware)
            problem = _problem(middleware, methods)
            if problem is not None:
                problems.append(f"the middleware {name} of {owner} {problem}")
        if problems:
            raise ConfigurationError(*problems)
        return tuple(found)

    def _instance(self, given: type[Middleware] | Middleware) -> Middleware:
        if isinstance(given, Middleware):
            return given
        if not (isinstance(given, type) and issubclass(given, Middleware)):
            raise TypeError("it must be a subclass of Middleware, or an instance of one")
        if given not in self._built:
            is_bound = self._injector.binder.has_explicit_binding_for(given)
            self._built[given] = (
                self._injector.get(given) if is_bound else self._injector.create_object(given)
            )
        return self._built[given]


def _problem(middleware: Middleware, methods: Sequence[str]) -> str | None:
    overridden = [method for method in _METHODS if overriding((middleware,), method)]
    if not set(overridden).intersection(methods):
        names = " or ".join(methods)
        return f"is never called by this component; override {names}"
    for method in overridden:
        if not inspect.iscoroutinefunction(getattr(middleware, method)):
            return f"has the method {method}, which is not async; write async def"
    return None


def overriding(middlewares: Sequence[Middleware], method: str) -> tuple[Any, ...]:
    """Return the bound *method* of each of *middlewares* that overrides it."""
    inherited = getattr(Middleware, method)
    return tuple(
        getattr(one, method) for one in middlewares if getattr(type(one), method) is not inherited
    )


def checked_result(call: object, result: object) -> Response:
    """Return *result*, which *call* has returned.

    Raises:
        TypeError: *result* is not a `Response`.
    """
    if not isinstance(result, Response):
        name = getattr(call, "__qualname__", call)
        raise TypeError(f"{name} returned {result!r:.100}; return a Response, or None to continue")
    return result


def before(calls: Sequence[Before]) -> Callable[[Action], Action]:
    """Return a wrapper that runs *calls* before an action. If one returns a `Response`, this is
    the result, and the action does not run."""

    def wrap(action: Action) -> Action:
        async def checked(request: Request) -> Any:
            for call in calls:
                response = await call(request)
                if response is not None:
                    return checked_result(call, response)
            return await action(request)

        return checked

    return wrap
