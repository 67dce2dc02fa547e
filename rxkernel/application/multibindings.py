"""Multibindings: lists and dicts of services, whose parts may be awaited, entered and closed.

injector builds all parts together, without their scopes. So a part with a scope is bound
separately, and the list refers to it: it is built and opened like any other service.
"""

from collections.abc import Callable, Iterator
from typing import Any, get_args, get_origin, get_type_hints

from injector import (
    Binder,
    Binding,
    CallableProvider,
    ClassProvider,
    Injector,
    InstanceProvider,
    KeyValueProvider,
    NoScope,
    Provider,
)
from injector import MultiBinder as Several

from rxkernel.application.async_providers import (
    is_async_provider,
    provider_problems,
    refusing,
    scoped_binding,
)
from rxkernel.application.injection_errors import name_of
from rxkernel.kernel.scopes import ConnectionScope, RequestScope
from rxkernel.messages.scoped_services import is_async_manager
from rxkernel.routing.annotations import bare

_SCOPED = (RequestScope, ConnectionScope)


class _PartKey:
    """The base class of the keys of parts that are bound separately."""


class PartProvider(Provider[Any]):
    """A part of a list or a dict that is bound separately, as *key*."""

    def __init__(self, key: Any) -> None:
        self.key = key

    def get(self, injector: Injector) -> Any:
        """Return the service that is bound as the key."""
        return injector.get(self.key)


def parts_of(provider: Provider[Any]) -> list[Binding]:
    """The parts of a list or a dict; empty for other providers."""
    return provider._multi_bindings if isinstance(provider, Several) else []


def provider_in(part: Binding) -> Provider[Any]:
    """The provider of the service of *part*, which may be the value of a dict."""
    provider = part.provider
    return provider._provider if isinstance(provider, KeyValueProvider) else provider


def services_in(key: Any, made: Any) -> list[Any]:
    """The services in *made*, which is provided for *key*: a part may be a list or a dict."""
    if isinstance(key, type) and issubclass(key, _PartKey):
        if isinstance(made, dict):
            return list(made.values())
        if isinstance(made, list):
            return made
    return [made]


def bind_parts(binder: Binder) -> Iterator[str]:
    """Bind the parts of lists and dicts that have a scope, or are instances, separately.

    Yields a problem for each part that nothing would await or enter. Its provider is replaced by
    a provider that raises the problem.
    """
    # injector has no public list of bindings
    for key, binding in tuple(binder._bindings.items()):
        parts = parts_of(binding.provider)
        for number, part in enumerate(parts):
            single = Binding(get_args(bare(key))[-1], provider_in(part), part.scope)
            if problems := list(_problems(key, single)):
                parts[number] = Binding(part.interface, refusing(problems), NoScope)
                yield from problems
            elif part.scope is not NoScope or isinstance(single.provider, InstanceProvider):
                parts[number] = _bound_by_itself(binder, part, single)


def _problems(key: Any, single: Binding) -> Iterator[str]:
    name = name_of(key)
    if found := [f"a part of {name}: {problem}" for problem in provider_problems(single)]:
        yield from found
        return
    provider = single.provider
    if isinstance(provider, ClassProvider):
        is_manager, what = is_async_manager(provider._cls), name_of(provider._cls)
    elif isinstance(provider, CallableProvider) and not is_async_provider(provider):
        is_manager, is_several = _returned(single.interface, provider._callable)
        what = name_of(provider._callable)
        if is_several and single.scope in _SCOPED:
            yield (
                f"a part of {name}: {what} returns several async context managers, which nothing "
                f"enters; bind each of them separately: multibind({name}, to=[…], scope=…)"
            )
    else:
        return
    if is_manager and single.scope is NoScope:
        yield (
            f"a part of {name}: {what} is an async context manager without a scope, so nothing "
            f"enters or closes it; bind it with scope=singleton (entered at boot) or "
            f"scope=request_scope (entered for each message)"
        )


def _returned(kind: Any, call: Callable[..., Any]) -> tuple[bool, bool]:
    """Whether *call* returns async context managers, and whether it is annotated to return a list
    or a dict of them. Without an annotation its return type is *kind*."""
    try:
        returned = get_type_hints(call).get("return", kind)
    except Exception:  # noqa: BLE001 - an annotation may be any expression
        returned = kind
    is_several = get_origin(returned) in (list, dict)
    kind = bare(get_args(returned)[-1] if is_several else returned)
    is_manager = is_async_manager(get_origin(kind) or kind)
    return is_manager, is_manager and is_several


def _bound_by_itself(binder: Binder, part: Binding, single: Binding) -> Binding:
    """Bind the service of *part* with a new key; return a part that refers to this binding."""
    provider = single.provider
    named = getattr(provider, "_cls", None) or getattr(provider, "_callable", single.interface)
    key = type(name_of(named), (_PartKey,), {})
    if part.scope in _SCOPED:
        binder._bindings[key] = scoped_binding(key, single, binder.injector)
    else:
        binder._bindings[key] = Binding(key, provider, part.scope)
    found: Provider[Any] = PartProvider(key)
    if isinstance(part.provider, KeyValueProvider):
        found = KeyValueProvider(part.provider._key, found)
    return Binding(part.interface, found, NoScope)
