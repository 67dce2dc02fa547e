"""Providers that are awaited or entered: their scopes, and errors at boot."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from typing import Annotated, Any

import pytest
from injector import (
    Binder,
    Injector,
    Module,
    Provider,
    ProviderOf,
    inject,
    provider,
    singleton,
)

from rxkernel import (
    Application,
    ConfigurationError,
    Inject,
    KernelClient,
    connection_scope,
    http,
    request_scope,
)
from rxkernel.pytest_plugin import ClientOf


class Plain:
    def __init__(self) -> None:
        self.is_open = False


class Managed(Plain):
    async def __aenter__(self) -> "Managed":
        self.is_open = True
        return self

    async def __aexit__(self, *error: object) -> None:
        self.is_open = False


async def awaited() -> Plain:
    plain = Plain()
    plain.is_open = True
    return plain


@asynccontextmanager
async def entered() -> AsyncIterator[Plain]:
    plain = Plain()
    plain.is_open = True
    yield plain
    plain.is_open = False


def annotated() -> AbstractAsyncContextManager[Plain]:
    return entered()


def annotated_with_class() -> Managed:
    return Managed()


async def yielded() -> AsyncIterator[Plain]:
    yield Plain()


def yielded_plainly() -> Iterator[Plain]:
    yield Plain()


@contextmanager
def entered_plainly() -> Iterator[Plain]:
    yield Plain()


class Factory:
    """A callable object, like ``async_sessionmaker``."""

    def __call__(self, **options: Any) -> Managed:
        return Managed()


class AwaitedMethod(Module):
    @request_scope
    @provider
    async def plain(self) -> Plain:
        return await awaited()


class EnteredMethod(Module):
    @request_scope
    @provider
    @asynccontextmanager
    async def plain(self) -> AsyncIterator[Plain]:
        async with entered() as plain:
            yield plain


class Actions:
    @http("GET", "/plain", "plain")
    async def plain(self, plain: Annotated[Plain, Inject()]) -> bool:
        return plain.is_open


class ManagedActions:
    @http("GET", "/managed", "managed")
    async def managed(self, managed: Annotated[Managed, Inject()]) -> bool:
        return managed.is_open


def bound(key: Any, to: Any = None, scope: Any = request_scope) -> Callable[[Binder], None]:
    def configure(binder: Binder) -> None:
        binder.bind(key, to=to, scope=scope)

    return configure


@pytest.mark.parametrize(
    "module",
    [
        bound(Plain, awaited),
        bound(Plain, entered),
        bound(Plain, annotated),
        bound(Plain, annotated_with_class),
        bound(Plain, Managed),
        bound(Plain, partial(awaited)),
        bound(Plain, partial(entered)),
        AwaitedMethod(),
        EnteredMethod(),
    ],
)
async def test_async_provider_in_request_scope_provides_opened_service(
    client_of: ClientOf, module: Any
) -> None:
    assert (await client_of(Actions, modules=[module]).http("plain")).content is True


@pytest.mark.parametrize(
    "to", [None, Managed, lambda: Managed(), partial(Managed), Factory(), Factory().__call__]
)
async def test_service_whose_key_is_a_context_manager_is_entered(
    client_of: ClientOf, to: Any
) -> None:
    client = client_of(ManagedActions, modules=[bound(Managed, to)])

    assert (await client.http("managed")).content is True


async def test_override_without_context_manager_is_used_unchanged(client_of: ClientOf) -> None:
    client = client_of(ManagedActions, modules=[bound(Managed, lambda: Plain())])

    assert (await client.http("managed")).content is False


class OwnProvider(Provider[Managed]):
    def get(self, injector: Injector) -> Managed:
        return Managed()


async def test_provider_class_of_a_context_manager_is_entered(client_of: ClientOf) -> None:
    client = client_of(ManagedActions, modules=[bound(Managed, OwnProvider())])

    assert (await client.http("managed")).content is True


async def test_instance_bound_in_request_scope_is_shared_by_messages(
    client_of: ClientOf,
) -> None:
    """For example, a fake in a test for a service whose class declares its scope."""
    fake = Plain()
    fake.is_open = True
    client = client_of(Actions, modules=[bound(Plain, fake)])

    assert (await client.http("plain")).content is True


@pytest.mark.parametrize("module", [bound(Plain, entered), EnteredMethod()])
@pytest.mark.parametrize("override", [annotated, awaited, Plain()])
async def test_override_of_async_service_is_opened_like_original(
    module: Any, override: Any
) -> None:
    application = Application(controllers=[Actions], modules=[module])

    async with KernelClient(application, overrides={Plain: override}) as client:
        is_open = (await client.http("plain")).content

    assert is_open is not isinstance(override, Plain)


async def test_provider_returning_undeclared_manager_raises_error_with_its_name(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(Actions, modules=[bound(Plain, lambda: Managed())])

    assert (await client.http("plain")).status_code == 500
    assert "the provider of Plain returned a Managed, which is an async context" in caplog.text
    assert "-> Managed" in caplog.text


async def test_provider_returning_coroutine_raises_error_with_its_name(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(Actions, modules=[bound(Plain, lambda: awaited())])

    assert (await client.http("plain")).status_code == 500
    assert "the provider of Plain returned a coroutine; declare it with async" in caplog.text


class Caller:
    """A singleton that would get a coroutine in place of the service."""

    @inject
    def __init__(self, plain: Plain) -> None: ...


AWAITED = "Plain is provided by awaited, which is an async def; "
ENTERED = "Plain is provided by entered, which is an @asynccontextmanager; "
IN_SCOPE = "bind it with scope=request_scope or scope=connection_scope, which await it"
ONCE = "a singleton is built without await: write a plain def that returns the service"
LATER = "decorate it with @contextlib.asynccontextmanager, on an async def"


@pytest.mark.parametrize(
    ("module", "problem"),
    [
        (bound(Plain, awaited, singleton), AWAITED + ONCE),
        (bound(Plain, awaited, None), f"{AWAITED}nothing awaits it: {IN_SCOPE}"),
        (bound(Plain, entered, singleton), ENTERED + ONCE),
        (bound(Plain, entered, None), f"{ENTERED}nothing awaits it: {IN_SCOPE}"),
        (bound(Plain, yielded), f"provided by yielded, which is a generator; {LATER}"),
        (bound(Plain, yielded_plainly, connection_scope), f"which is a generator; {LATER}"),
        (bound(Plain, yielded_plainly, singleton), "a generator; write a plain def that returns"),
        (bound(Plain, entered_plainly), "a @contextmanager; write it as async def, with @async"),
    ],
)
async def test_provider_of_wrong_kind_raises_error_at_boot(module: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        await Application(modules=[module, bound(Caller, None, singleton)]).boot()

    assert problem in str(raised.value)


async def test_singleton_with_async_dependency_raises_error_with_fix() -> None:
    with pytest.raises(ConfigurationError, match=r"Plain must be awaited .*request.get\(Plain\)"):
        await Application(modules=[bound(Plain, awaited), bound(Caller, None, singleton)]).boot()


class Lazy:
    @inject
    def __init__(self, plain: ProviderOf[Plain]) -> None:
        self.plain = plain

    @http("GET", "/lazy", "lazy")
    async def lazy(self) -> bool:
        return self.plain.get().is_open

    @http("GET", "/opened", "opened")
    async def opened(self, plain: Annotated[Plain, Inject()]) -> bool:
        return self.plain.get() is plain


async def test_provider_of_async_service_returns_it_after_it_is_open(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(Lazy, modules=[bound(Plain, awaited)])

    assert (await client.http("opened")).content is True
    assert (await client.http("lazy")).status_code == 500
    assert "take it as an argument of the action, Annotated[Plain, Inject()]" in caplog.text
