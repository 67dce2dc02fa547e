"""The units of the server, with their methods as functions."""

from collections.abc import Awaitable, Mapping
from typing import Any, Protocol

from bundles.metacom.client.events import Handler


class Caller(Protocol):
    """The methods of the client that units call."""

    def call(self, method: str, args: dict[str, Any]) -> Awaitable[Any]: ...

    def on(self, event: str, handler: Handler) -> None: ...

    def off(self, event: str, handler: Handler) -> None: ...


class Method:
    """A method of a unit; ``await method(a=1, b=2)`` calls it.

    Attributes:
        name: the name with the unit, such as ``example/add``.
        description: the description that the server sent: the names of the parameters, if the
            server is Impress.
    """

    def __init__(self, name: str, description: Any, caller: Caller) -> None:
        self.name = name
        self.description = description
        self._caller = caller

    def __call__(self, **args: Any) -> Awaitable[Any]:
        """Call the method.

        Raises:
            MetacomError: the server has responded with an error.
            TimeoutError, ConnectionError: see `Metacom.call`.
        """
        return self._caller.call(self.name, args)

    def __repr__(self) -> str:
        return f"<Method {self.name}>"


class Unit:
    """A loaded unit; its methods are attributes.

    ``unit["on"]`` returns a method that has the name of an attribute of this class.
    """

    def __init__(self, name: str, caller: Caller) -> None:
        self._name = name
        self._caller = caller
        self._methods: dict[str, Method] = {}

    def on(self, event: str, handler: Handler) -> None:
        """See `Metacom.on`; *event* is the name without the unit."""
        self._caller.on(self._event(event), handler)

    def off(self, event: str, handler: Handler) -> None:
        """See `Metacom.off`; *event* is the name without the unit."""
        self._caller.off(self._event(event), handler)

    def __getattr__(self, name: str) -> Method:
        method = None if name.startswith("_") else self._methods.get(name)
        if method is None:
            message = f"the unit {self._name!r} has no method {name!r}"
            raise AttributeError(message, name=name, obj=self)
        return method

    def __getitem__(self, name: str) -> Method:
        return self._methods[name]

    def __dir__(self) -> list[str]:
        return ["on", "off", *self._methods]

    def __repr__(self) -> str:
        return f"<Unit {self._name}>"

    def _event(self, event: str) -> str:
        return f"{self._name.partition('.')[0]}/{event}"  # events have no version


class Api:
    """The loaded units, as attributes."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._units: dict[str, Unit] = {}

    def __getattr__(self, name: str) -> Unit:
        unit = None if name.startswith("_") else self._units.get(name)
        if unit is None:
            raise AttributeError(_not_loaded(name), name=name, obj=self)
        return unit

    def __getitem__(self, name: str) -> Unit:
        try:
            return self._units[name]
        except KeyError:
            raise KeyError(_not_loaded(name)) from None

    def __dir__(self) -> list[str]:
        return list(self._units)


def load_unit(api: Api, name: str, methods: Mapping[str, Any]) -> None:
    """Set the methods of the unit *name*. A unit that was loaded before stays the same object."""
    unit = api._units.setdefault(name, Unit(name, api._caller))
    unit._methods = {
        method: Method(f"{name}/{method}", description, api._caller)
        for method, description in methods.items()
    }


def _not_loaded(name: str) -> str:
    return f"the unit {name!r} is not loaded; await client.load({name!r})"
