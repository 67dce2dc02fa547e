"""What the injector will build while messages are handled, looked at without building it.

Singletons are built at boot, so injector itself tells what they lack. A service per message or
connection, or one that is made each time it is asked for, would fail only then: for these the
constructors are walked.
"""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, get_args, get_origin

import attrs
from injector import (
    Binder,
    Binding,
    CallableProvider,
    ClassProvider,
    InstanceProvider,
    NoScope,
    Provider,
    ProviderOf,
    SingletonScope,
    UnsatisfiedRequirement,
    get_bindings,
)
from injector import MultiBinder as Several

from rxkernel.application.problems import explain, name_of
from rxkernel.kernel.scopes import AsyncProvider, ConnectionScope, RequestScope
from rxkernel.messages.connection import Connection
from rxkernel.messages.request import Request

_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@attrs.frozen(eq=False)
class _Maker:
    """A constructor or a function that the injector calls; ``owner`` is what it is named by."""

    owner: Any
    call: Callable[..., Any]
    is_constructor: bool

    def needs(self) -> list[Any]:
        """What it is called with, by type."""
        return list(get_bindings(self.call).values())

    def left_out(self) -> list[str]:
        """The parameters that it will not be given, and has no default for."""
        try:
            parameters = list(inspect.signature(self.call).parameters.values())
        except ValueError:  # written in C
            return []
        given = get_bindings(self.call)
        return [
            p.name
            for p in parameters[1 if self.is_constructor else 0 :]
            if p.default is p.empty and p.kind not in _VARIADIC and p.name not in given
        ]


class Wiring:
    """The bindings of one injector as a graph: who needs what, and how long each lives."""

    def __init__(self, binder: Binder) -> None:
        self._binder = binder

    def problems(self) -> Iterator[str]:
        """What could not be built while messages are handled."""
        for interface, binding in tuple(self._binder._bindings.items()):
            if isinstance(binding.provider, InstanceProvider):
                continue
            is_built = binding.scope is SingletonScope
            for maker in _makers(interface, binding.provider):
                yield from self._lacking(maker, is_built=is_built)
            if not is_built:
                yield from self._circle(interface)
            if binding.scope is ConnectionScope:
                yield from self._outlived(interface)

    def _lacking(self, maker: _Maker, *, is_built: bool) -> Iterator[str]:
        try:
            needs, left_out = maker.needs(), maker.left_out()
        except Exception as exc:  # noqa: BLE001 - an annotation may be any expression
            yield explain(name_of(maker.owner), exc)
            return
        for wanted in needs:
            is_later = get_origin(wanted) is ProviderOf
            target = get_args(wanted)[0] if is_later else wanted
            if (is_later or not is_built) and not self._is_bound(target):
                yield explain(name_of(maker.owner), UnsatisfiedRequirement(maker.owner, target))
        if left_out and not is_built:
            what = "its constructor" if maker.is_constructor else name_of(maker.call)
            where = "it, above @attrs.define if there is one," if maker.is_constructor else "it"
            yield (
                f"{name_of(maker.owner)} cannot be built: {what} takes "
                f"{', '.join(map(repr, left_out))}; put @inject on {where} and give every "
                f"parameter a type"
            )

    def _is_bound(self, interface: Any) -> bool:
        try:
            self._binder.get_binding(interface)
        except UnsatisfiedRequirement:
            return False
        return True

    def _below(self, interface: Any) -> Iterator[Any]:
        """What is built with *interface*, if it is not there; a ``ProviderOf`` is asked later."""
        binding: Binding | None = self._binder._bindings.get(interface)
        if binding is None or binding.scope is SingletonScope:
            return
        for maker in _makers(interface, binding.provider):
            try:
                yield from (need for need in maker.needs() if get_origin(need) is not ProviderOf)
            except Exception:  # noqa: BLE001 - told by `_lacking`
                continue

    def _ways(self, interface: Any) -> Iterator[tuple[Any, ...]]:
        """From *interface* to each thing that is built with it; the last step of one way may
        lead back."""
        seen = {interface}
        waiting: list[tuple[Any, ...]] = [(interface,)]
        yield (interface,)
        while waiting:
            way = waiting.pop()
            for need in self._below(way[-1]):
                yield (*way, need)
                if need not in seen:
                    seen.add(need)
                    waiting.append((*way, need))

    def _circle(self, interface: Any) -> Iterator[str]:
        for way in self._ways(interface):
            if len(way) > 1 and way[-1] == interface:
                yield (
                    f"{name_of(interface)} cannot be built, its services need each other in a "
                    f"circle: {_arrows(way)}"
                )
                return

    def _outlived(self, interface: Any) -> Iterator[str]:
        for way in self._ways(interface):
            if way[-1] is Request or self._scope_of(way[-1]) is RequestScope:
                yield (
                    f"{name_of(interface)} lives as long as a connection, and needs what ends "
                    f"with a message: {_arrows(way)}; ask for injector.ProviderOf"
                    f"[{name_of(way[1])}] and call get() while a message is handled"
                )
                return

    def _scope_of(self, interface: Any) -> Any:
        binding = self._binder._bindings.get(interface)
        return NoScope if binding is None else binding.scope

    def opened_with(self, interface: Any) -> list[Any]:
        """What must be awaited or entered before *interface* can be built, dependencies first;
        itself comes last where it must be, too."""
        ordered: dict[Any, None] = {}
        seen: set[Any] = set()

        def visit(key: Any) -> None:
            if key in seen:
                return
            seen.add(key)
            for need in self._below(key):
                visit(need)
            binding = self._binder._bindings.get(key)
            if binding is not None and isinstance(binding.provider, AsyncProvider):
                ordered[key] = None

        visit(interface)
        return list(ordered)

    def without_connection(self, interface: Any) -> str | None:
        """Why *interface* cannot be had over HTTP; None where it can.

        It lives as long as a socket connection, or is built with one.
        """
        for way in self._ways(interface):
            if way[-1] is Connection or self._scope_of(way[-1]) is ConnectionScope:
                via = "" if len(way) < 2 else f" ({_arrows(way)})"
                return (
                    f"asks for {name_of(interface)}, which there is with a socket connection "
                    f"only{via}; over HTTP there is none: leave @http out, bind it with "
                    f"request_scope, take it as {name_of(interface)} | None, or take the Request, "
                    f"whose connection is None over HTTP"
                )
        return None


def _makers(interface: Any, provider: Provider[Any]) -> Iterator[_Maker]:
    """What *provider* calls; of an unknown kind of provider, nothing is known."""
    if isinstance(provider, AsyncProvider):
        provider = provider.inner
    if isinstance(provider, ClassProvider):
        cls = provider._cls
        yield _Maker(cls, cls.__init__, is_constructor=True)
    elif isinstance(provider, CallableProvider):
        yield _Maker(interface, provider._callable, is_constructor=False)
    elif isinstance(provider, Several):
        for binding in provider._multi_bindings:
            yield from _makers(interface, binding.provider)


def _arrows(way: tuple[Any, ...]) -> str:
    return " -> ".join(map(name_of, way))
