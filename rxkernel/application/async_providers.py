"""Providers that are awaited or entered, and the problems of those that nothing would await."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from types import CodeType
from typing import Any, get_args, get_origin, get_type_hints

from injector import (
    Binder,
    Binding,
    CallableProvider,
    ClassProvider,
    Injector,
    InstanceProvider,
    NoScope,
    Provider,
    SingletonScope,
)

from rxkernel.application.injection_errors import name_of
from rxkernel.exceptions import ConfigurationError
from rxkernel.kernel.scopes import AsyncProvider, ConnectionScope, RequestScope
from rxkernel.messages.scoped_services import is_async_manager
from rxkernel.routing.annotations import bare

_EMPTY: Any = None

# The functions that the two decorators return.
_ASYNC: CodeType = asynccontextmanager(lambda: _EMPTY).__code__
_PLAIN: CodeType = contextmanager(lambda: _EMPTY).__code__
_YIELDED = (AsyncIterator, AsyncGenerator)
_SCOPED = (RequestScope, ConnectionScope)
_FIX = "bind it with scope=request_scope or scope=connection_scope, which await it"


def wrap_async_providers(binder: Binder) -> Iterator[str]:
    """Replace the providers of scoped services that are async with `AsyncProvider`.

    Yields a problem for each service that nothing would await or enter. Its provider is replaced
    by one that raises the problem, so that it is not called.
    """
    _rename_yielded(binder)
    # injector has no public list of bindings
    for key, binding in tuple(binder._bindings.items()):
        problems = list(provider_problems(binding))
        if problems:
            binder._bindings[key] = Binding(key, refusing(problems), binding.scope)
            yield from problems
        elif binding.scope in _SCOPED:
            binder._bindings[key] = scoped_binding(key, binding, binder.injector)


def _rename_yielded(binder: Binder) -> None:
    """Bind ``AsyncIterator[T]`` as ``T``: a ``@provider`` method is bound by its return type,
    which is an iterator under ``@asynccontextmanager``."""
    for key, binding in tuple(binder._bindings.items()):
        call = _callable(binding.provider)
        if get_origin(key) in _YIELDED and _is_made_by(_ASYNC, call):
            del binder._bindings[key]
            binder.bind(get_args(key)[0], to=binding.provider, scope=binding.scope)


def provider_problems(binding: Binding) -> Iterator[str]:
    """Yield a problem if nothing would await or enter the result of the provider of *binding*."""
    call = _callable(binding.provider)
    if call is None:
        return
    provided = f"{name_of(binding.interface)} is provided by {name_of(call)}, which is"
    if inspect.isgeneratorfunction(call) or inspect.isasyncgenfunction(call):
        yield f"{provided} a generator; {_generator_fix(binding.scope)}"
    elif _is_made_by(_PLAIN, call):
        yield (
            f"{provided} a @contextmanager; write it as async def, with @asynccontextmanager, and "
            f"{_FIX}"
        )
    elif binding.scope in _SCOPED:
        return
    elif (what := _async_kind(call)) is not None:
        yield f"{provided} {what}; {_unscoped_fix(binding.scope)}"


def _generator_fix(scope: Any) -> str:
    if scope in _SCOPED:
        return "decorate it with @contextlib.asynccontextmanager, on an async def"
    return (
        f"write a plain def that returns the service, or decorate an async def with "
        f"@contextlib.asynccontextmanager and {_FIX}"
    )


def _unscoped_fix(scope: Any) -> str:
    if scope is SingletonScope:
        return (
            "a singleton is built without await: write a plain def that returns the service, and "
            "open it in 'async def __aenter__' (once, at boot)"
        )
    return f"nothing awaits it: {_FIX}"


def _async_kind(call: Callable[..., Any]) -> str | None:
    if inspect.iscoroutinefunction(call):
        return "an async def"
    if _is_made_by(_ASYNC, call):
        return "an @asynccontextmanager"
    return None


def scoped_binding(key: Any, binding: Binding, injector: Injector) -> Binding:
    """The binding of *key* for a service per message or connection; an instance has no scope."""
    provider = binding.provider
    if isinstance(provider, InstanceProvider):
        if not is_factory_binding(binding, injector):
            return Binding(key, provider, NoScope)
        provider = provider_of_factory(provider.get(injector))
    return Binding(key, _opening(key, bare(binding.interface), provider), binding.scope)


def _opening(key: Any, kind: Any, provider: Provider[Any]) -> Provider[Any]:
    """Return *provider*, or one that awaits or enters its service, which is a *kind*."""
    if isinstance(provider, ClassProvider):
        is_class = is_async_manager(provider._cls)
        return AsyncProvider(key, provider, is_class=True) if is_class else provider
    call = _callable(provider)
    if call is None:  # a Provider class of the application
        return AsyncProvider(key, provider) if is_async_manager(kind) else provider
    if inspect.iscoroutinefunction(call):
        return AsyncProvider(key, provider, is_awaited=True)
    if _is_made_by(_ASYNC, call) or _gives_manager(kind, call):
        return AsyncProvider(key, provider)
    return provider


def provider_of_factory(factory: Any) -> Provider[Any]:
    """A provider that calls *factory*, such as an ``async_sessionmaker`` or a partial: injector
    treats any object except a function as the service itself."""
    call = factory.__call__
    return CallableProvider(call if inspect.ismethod(call) else _function_of(factory))


def _function_of(factory: Callable[[], Any]) -> Callable[[], Any]:
    """Return *factory* as a function, since injector reads the module and the type hints of a
    callable, which a callable written in C does not have."""
    if inspect.iscoroutinefunction(factory):

        async def awaited() -> Any:
            return await factory()

        return awaited
    if _is_made_by(_ASYNC, getattr(factory, "func", None)):

        @asynccontextmanager
        async def entered() -> AsyncIterator[Any]:
            async with factory() as service:
                yield service

        return entered
    return lambda: factory()


def is_factory_binding(binding: Binding, injector: Injector) -> bool:
    """Whether a service per message or connection is bound to an object that creates it, not to
    the service itself."""
    if binding.scope not in _SCOPED or not isinstance(binding.provider, InstanceProvider):
        return False
    kind, instance = bare(binding.interface), binding.provider.get(injector)
    kind = get_origin(kind) or kind
    return callable(instance) and not (isinstance(kind, type) and isinstance(instance, kind))


def _gives_manager(kind: Any, call: Callable[..., Any]) -> bool:
    """Whether *call* returns an async context manager, by its annotation, or without one by
    *kind*."""
    try:
        returned = get_type_hints(call).get("return")
    except Exception:  # noqa: BLE001 - an annotation may be any expression
        returned = None
    origin = get_origin(returned) or returned
    if isinstance(origin, type):
        return origin is AbstractAsyncContextManager or is_async_manager(origin)
    return is_async_manager(kind)


def is_async_provider(provider: Provider[Any]) -> bool:
    """Whether *provider* calls an ``async def`` or an ``@asynccontextmanager``."""
    call = _callable(provider)
    return call is not None and _async_kind(call) is not None


def _callable(provider: Provider[Any]) -> Callable[..., Any] | None:
    return provider._callable if isinstance(provider, CallableProvider) else None


def _is_made_by(decorator: CodeType, call: Any) -> bool:
    """Whether *call*, or the function it wraps, has `contextmanager` or its async counterpart."""
    call = getattr(call, "__func__", call)
    while call is not None:
        if getattr(call, "__code__", None) is decorator:
            return True
        call = getattr(call, "__wrapped__", None)
    return False


def refusing(problems: list[str]) -> Provider[Any]:
    """A provider that raises *problems*."""

    def fail() -> Any:
        raise ConfigurationError(*problems)

    return CallableProvider(fail)
