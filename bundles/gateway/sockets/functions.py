"""Finds the functions of options, and checks their parameters."""

import inspect
from collections.abc import Callable
from typing import Any

from bundles.gateway.sockets.rules import Bound


class FunctionFinder:
    """Finds the functions of *gateway*: methods by their names, and other functions."""

    def __init__(self, gateway: object) -> None:
        self._gateway = gateway
        self._class = type(gateway)

    def find(
        self, given: object, parameters: tuple[str, ...] | None, *, is_async: bool = True
    ) -> Bound:
        """Return the function *given*, or the method with the name *given*.

        Args:
            parameters: the parameters that it must take; None: the caller checks them.

        Raises:
            ValueError: the method does not exist, is async or not contrary to *is_async*, or
                takes other parameters.
        """
        function = self._found(given)
        name = getattr(function, "__name__", "function")
        if inspect.iscoroutinefunction(function) is not is_async:
            is_, word = ("is not", "async def") if is_async else ("is", "def")
            raise ValueError(f"{name} {is_} async; write {word} {name}(…)")
        if parameters is not None:
            check_parameters(function, parameters)
        bound: Bound = function
        return bound

    def _found(self, given: object) -> Callable[..., Any]:
        if isinstance(given, str):
            method = getattr(self._gateway, given, None)
            if not callable(method):
                raise ValueError(
                    f"{given!r} is not a method of {self._class.__qualname__}; write the name of "
                    f"a method, or a function"
                )
            found: Callable[..., Any] = method
            return found
        if not callable(given):
            raise ValueError(f"it is {given!r:.100}; write a function, or the name of a method")
        if inspect.isfunction(given) and self._has_method(given):
            bound: Callable[..., Any] = given.__get__(self._gateway)
            return bound
        return given

    def _has_method(self, function: object) -> bool:
        """Whether *function* is a method of the class that is not bound yet, because the body of
        the class refers to it."""
        return any(
            value is function for cls in self._class.__mro__ for value in vars(cls).values()
        )


def check_parameters(function: Callable[..., Any], parameters: tuple[str, ...]) -> None:
    """Check that *function* can be called with values for *parameters*.

    Raises:
        ValueError: it takes other parameters, or has no signature because it is not written in
            Python.
    """
    try:
        inspect.signature(function).bind(*parameters)
    except TypeError:
        name = getattr(function, "__name__", "function")
        raise ValueError(
            f"{name} takes other parameters; it must take ({', '.join(parameters)}), after "
            f"self if it is a method"
        ) from None


def accepted_arguments(function: Callable[..., Any]) -> tuple[int, int | None]:
    """Return the minimum and the maximum number of values that *function* takes after its first
    argument; None: no maximum.

    Raises:
        ValueError: it does not take a first argument, or has a required keyword argument.
    """
    least, most = 0, 0
    is_open = False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            is_open = True
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            most += 1
            if parameter.default is parameter.empty:
                least += 1
        elif parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty:
            name = getattr(function, "__name__", "function")
            raise ValueError(
                f"{name} needs the keyword argument {parameter.name!r}; it must take "
                f"(connection, *args)"
            )
    if most == 0 and not is_open:
        name = getattr(function, "__name__", "function")
        raise ValueError(f"{name} takes no arguments; it must take (connection, *args)")
    return max(least - 1, 0), None if is_open else most - 1
