"""Checks the services that are built while messages are handled, without building them.

Singletons are built at boot, so injector itself reports a missing binding. A service per message
or connection, or without a scope, would fail at run time, so its constructor is checked at boot.
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

from rxkernel.application.injection_errors import describe_injection_error, name_of
from rxkernel.application.multibindings import PartProvider, parts_of, provider_in
from rxkernel.kernel.scopes import AsyncProvider, ConnectionScope, RequestScope
from rxkernel.messages.connection import Connection
from rxkernel.messages.request import Request

_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@attrs.frozen(eq=False)
class _Factory:
    """A constructor or a function that the injector calls; ``owner`` names it in messages."""

    owner: Any
    call: Callable[..., Any]
    is_constructor: bool

    def needs(self) -> list[Any]:
        """The types of its arguments."""
        return list(get_bindings(self.call).values())

    def unresolved(self) -> list[str]:
        """The parameters without a default for which injector has no argument."""
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


class BindingGraph:
    """The bindings of one injector as a graph of dependencies and scopes."""

    def __init__(self, binder: Binder) -> None:
        self._binder = binder
        self._checked: set[Any] = set()

    def problems(self) -> Iterator[str]:
        """Yield one problem per service that cannot be built while messages are handled.

        A later call checks only new bindings, which are those of classes with their own scope.
        """
        while new := [each for each in self._binder._bindings if each not in self._checked]:
            self._checked.update(new)
            for interface in new:
                yield from self._problems_of(interface)

    def _problems_of(self, interface: Any) -> Iterator[str]:
        binding = self._binder._bindings[interface]
        if isinstance(binding.provider, InstanceProvider):
            return
        is_built = binding.scope is SingletonScope
        for factory in _factories(interface, binding.provider):
            yield from self._unbuildable(factory, is_built=is_built)
        if not is_built:
            yield from self._cycle(interface)
        if binding.scope is ConnectionScope:
            yield from self._scope_mismatch(interface)

    def _binding(self, interface: Any) -> Binding | None:
        return (
            self._binder._bindings[interface] if self._binder.has_binding_for(interface) else None
        )

    def _unbuildable(self, factory: _Factory, *, is_built: bool) -> Iterator[str]:
        try:
            needs, unresolved = factory.needs(), factory.unresolved()
        except Exception as exc:  # noqa: BLE001 - an annotation may be any expression
            yield describe_injection_error(name_of(factory.owner), exc)
            return
        for wanted in needs:
            is_later = get_origin(wanted) is ProviderOf
            target = get_args(wanted)[0] if is_later else wanted
            if (is_later or not is_built) and not self._is_bound(target):
                yield describe_injection_error(
                    name_of(factory.owner), UnsatisfiedRequirement(factory.owner, target)
                )
        if unresolved and not is_built:
            what = "its constructor" if factory.is_constructor else name_of(factory.call)
            where = "it, above @attrs.define if there is one," if factory.is_constructor else "it"
            yield (
                f"{name_of(factory.owner)} cannot be built: {what} takes "
                f"{', '.join(map(repr, unresolved))}; put @inject on {where} and write a type for "
                f"every parameter"
            )

    def _is_bound(self, interface: Any) -> bool:
        try:
            self._binder.get_binding(interface)
        except UnsatisfiedRequirement:
            return False
        return True

    def _dependencies(self, interface: Any) -> Iterator[Any]:
        """The dependencies built with *interface*; () for a singleton. No ``ProviderOf``."""
        binding = self._binding(interface)
        if binding is None or binding.scope is SingletonScope:
            return
        for part in parts_of(binding.provider):
            if isinstance(provider := provider_in(part), PartProvider):
                yield provider.key
        for factory in _factories(interface, binding.provider):
            try:
                yield from (need for need in factory.needs() if get_origin(need) is not ProviderOf)
            except Exception:  # noqa: BLE001 - reported by `_unbuildable`
                continue

    def _dependency_paths(self, interface: Any) -> Iterator[tuple[Any, ...]]:
        """Yield a path from *interface* to each service that is built with it; the last step of a
        path may close a cycle."""
        seen = {interface}
        waiting: list[tuple[Any, ...]] = [(interface,)]
        yield (interface,)
        while waiting:
            path = waiting.pop()
            for need in self._dependencies(path[-1]):
                yield (*path, need)
                if need not in seen:
                    seen.add(need)
                    waiting.append((*path, need))

    def _cycle(self, interface: Any) -> Iterator[str]:
        for path in self._dependency_paths(interface):
            if len(path) > 1 and path[-1] == interface:
                yield (
                    f"{name_of(interface)} cannot be built: circular dependency: {_arrows(path)}"
                )
                return

    def _scope_mismatch(self, interface: Any) -> Iterator[str]:
        for path in self._dependency_paths(interface):
            if path[-1] is Request or self._scope_of(path[-1]) is RequestScope:
                yield (
                    f"{name_of(interface)} is bound per connection, but depends on a service "
                    f"bound per message: {_arrows(path)}; inject injector.ProviderOf"
                    f"[{name_of(path[1])}] and call get() while a message is handled"
                )
                return

    def _scope_of(self, interface: Any) -> Any:
        binding = self._binding(interface)
        return NoScope if binding is None else binding.scope

    def opened_with(self, interface: Any) -> list[Any]:
        """The services to await or enter before *interface* can be built, dependencies first;
        including *interface* itself if it is async."""
        ordered: dict[Any, None] = {}
        seen: set[Any] = set()

        def visit(key: Any) -> None:
            if key in seen:
                return
            seen.add(key)
            for need in self._dependencies(key):
                visit(need)
            binding = self._binding(key)
            if binding is not None and isinstance(binding.provider, AsyncProvider):
                ordered[key] = None

        visit(interface)
        return list(ordered)

    def without_connection(self, interface: Any) -> str | None:
        """Return the problem if *interface* cannot be built over HTTP, else None.

        Such a service has the scope of a socket connection, or depends on one.
        """
        for path in self._dependency_paths(interface):
            if path[-1] is Connection or self._scope_of(path[-1]) is ConnectionScope:
                via = "" if len(path) < 2 else f" ({_arrows(path)})"
                return (
                    f"asks for {name_of(interface)}, which exists only with a socket "
                    f"connection{via}; remove @http, bind it with "
                    f"request_scope, take it as {name_of(interface)} | None, or take the Request, "
                    f"whose connection is None over HTTP"
                )
        return None


def _factories(interface: Any, provider: Provider[Any]) -> Iterator[_Factory]:
    """The factories that *provider* calls; empty for an unknown kind of provider."""
    if isinstance(provider, AsyncProvider):
        provider = provider.inner
    if isinstance(provider, ClassProvider):
        cls = provider._cls
        yield _Factory(cls, cls.__init__, is_constructor=True)
    elif isinstance(provider, CallableProvider):
        yield _Factory(interface, provider._callable, is_constructor=False)
    for part in parts_of(provider):
        yield from _factories(interface, provider_in(part))


def _arrows(path: tuple[Any, ...]) -> str:
    return " -> ".join(map(name_of, path))
