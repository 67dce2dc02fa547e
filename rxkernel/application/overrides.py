"""Overrides: services of a test that replace those of the application."""

import inspect
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from injector import (
    Binder,
    Binding,
    CallableProvider,
    ClassProvider,
    Injector,
    InstanceProvider,
    NoScope,
    Provider,
)

from rxkernel.application.async_providers import is_factory_binding, provider_of_factory
from rxkernel.application.injection_errors import name_of
from rxkernel.kernel.scopes import ConnectionScope, RequestScope
from rxkernel.messages.scoped_services import is_async_manager
from rxkernel.nearest import nearest

Overrides = Mapping[Any, Any]
"""The replacement of each service: an instance, or a class, function or factory for it."""


class OverridingBinder(Binder):
    """Binds an override when its service is bound, so that nothing is built with the original.

    An instance is used directly. A class, a function, or an object that `Binder.bind` would call
    provides the service, in the scope of the original.
    """

    def __init__(self, injector: Injector, overrides: Overrides) -> None:
        super().__init__(injector, auto_bind=False)
        self._overrides = {key: _provider(given) for key, given in overrides.items()}
        self._unused = set(overrides)
        self._own: set[Any] = set()
        self._is_complete = False

    def bind(self, interface: Any, to: Any = None, scope: Any = None) -> None:
        """Bind *interface*, then its override."""
        self._own.discard(interface)
        is_new = interface not in self._bindings
        super().bind(interface, to, scope)
        if interface in self._overrides and (is_new or not self._is_complete):
            self._override(interface, self._bindings[interface].scope)

    def get_binding(self, interface: Any) -> tuple[Binding, Binder]:
        """Return the binding of *interface*; bind it first if it has its own scope."""
        self._bind_by_own_scope(interface)
        return super().get_binding(interface)

    def has_binding_for(self, interface: Any) -> bool:
        """Whether *interface* is bound, or has its own scope."""
        self._bind_by_own_scope(interface)
        return super().has_binding_for(interface)

    def _bind_by_own_scope(self, interface: Any) -> None:
        """Bind a class with ``@request_scope`` or ``@connection_scope`` on its first use."""
        if interface not in self._bindings and _has_own_scope(interface):
            self.bind(interface)

    def multibind(self, interface: Any, to: Any, scope: Any = None) -> None:
        """Add to the list or dict of *interface*, unless it is overridden as a whole."""
        if interface in self._overrides:
            self._override(interface, scope)
        else:
            super().multibind(interface, to, scope)

    def _override(self, interface: Any, scope: Any) -> None:
        provider = self._overrides[interface]
        binding = self.create_binding(interface, provider, scope)
        if isinstance(provider, InstanceProvider) and not is_factory_binding(
            binding, self.injector
        ):
            binding = Binding(interface, provider, NoScope)
        self._bindings[interface] = binding
        self._unused.discard(interface)

    def has_override(self, key: Any) -> bool:
        """Whether a test overrides *key*."""
        return key in self._overrides

    def protect(self) -> None:
        """Mark the current bindings as those of the framework: they can be overridden only if a
        module or a bundle binds them again."""
        self._own = set(self._bindings)

    def complete(self) -> None:
        """Mark all services as bound: a later binding wraps the provider of an existing one."""
        self._is_complete = True

    def is_lent(self, instance: object) -> bool:
        """Whether *instance* is an override; the test opens and closes it."""
        given = (p for p in self._overrides.values() if isinstance(p, InstanceProvider))
        return any(provider.get(self.injector) is instance for provider in given)

    def problems(self) -> Iterator[str]:
        """Yield a problem for each override of a service that is not bound, or that belongs to the
        framework."""
        for key in self._overrides:
            self._bind_by_own_scope(key)
            if key in self._own:
                yield (
                    f"overrides: {name_of(key)} is a service of the framework itself; override a "
                    f"service of the application or of a bundle"
                )
            elif key in self._unused:
                yield f"overrides: {_whole_name(key)} is not bound; {self._hint(key)}"

    def _hint(self, key: Any) -> str:
        bound = {name_of(other): other for other in self._bindings if other not in self._own}
        if (near := nearest(name_of(key), list(bound))) is None:
            return "override a service that a module or a bundle binds"
        return f"did you mean {_whole_name(bound[near])}?"


def _has_own_scope(thing: Any) -> bool:
    """Whether *thing* is a class with ``@request_scope`` or ``@connection_scope``. A class that
    must be entered has to be bound in a module, so that boot can prepare it."""
    scope = getattr(thing, "__scope__", None) if isinstance(thing, type) else None
    return scope in (RequestScope, ConnectionScope) and not is_async_manager(thing)


def _whole_name(key: Any) -> str:
    """The name with its module: two classes may have the same name."""
    module = getattr(key, "__module__", None)
    return f"{module}.{name_of(key)}" if module else name_of(key)


def _provider(given: Any) -> Provider[Any]:
    if isinstance(given, type):
        return ClassProvider(given)
    if inspect.isroutine(given):
        return CallableProvider(given)
    if isinstance(given, partial):
        return provider_of_factory(given)
    return InstanceProvider(given)
