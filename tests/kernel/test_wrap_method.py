"""Wrappers around the method of a controller, inside of the conversion of its value."""

from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest

from rxkernel import (
    ConfigurationError,
    DefinitionEvent,
    KernelEvents,
    Request,
    both,
    current_request,
    http,
    observe,
)
from rxkernel.kernel.events import Action, Method
from rxkernel.pytest_plugin import ClientOf


@attrs.frozen
class View:
    name: str


class Row:
    def __init__(self, name: str) -> None:
        self.name = name


class Rows:
    @both("GET", "/rows/{name}", "one")
    async def one(self, name: str, size: int = 0) -> View:
        return Row(name)  # type: ignore[return-value]

    @http("GET", "/plain", "plain")
    def plain(self, *, name: str) -> View:
        return Row(name)  # type: ignore[return-value]

    @http("GET", "/request", "request")
    async def request(self, request: Request) -> Any:
        return request.route_name


Seen = list[tuple[str, Any, dict[str, Any], Any]]


def _noting(seen: Seen) -> Callable[[Method], Method]:
    def decorate(method: Method) -> Method:
        async def noted(*arguments: Any, **named: Any) -> Any:
            result = await method(*arguments, **named)
            request = current_request.get()
            assert request is not None
            seen.append((str(request.route_name), arguments, named, type(result).__name__))
            return result

        return noted

    return decorate


async def test_wrap_method_runs_before_the_value_is_converted(client_of: ClientOf) -> None:
    seen: Seen = []
    order: list[str] = []

    def around(action: Action) -> Action:
        async def wrapped(request: Request) -> Any:
            result = await action(request)
            order.append(type(result).__name__)
            return result

        return wrapped

    class Wrap:
        @observe(KernelEvents.KERNEL_DEFINITION)
        async def outside(self, event: DefinitionEvent) -> None:
            event.wrap(around)

        @observe(KernelEvents.KERNEL_DEFINITION, priority=2)
        async def inside(self, event: DefinitionEvent) -> None:
            event.wrap_method(_noting(seen))

    client = client_of(Rows, listeners=[Wrap])

    assert (await client.http("one", params={"name": "a"})).content == View("a")
    assert (await client.websocket("one", params={"name": "b"})).content == View("b")
    assert (await client.http("plain", params={"name": "c"})).content == View("c")
    assert (await client.http("request")).content == "request"
    assert [(name, result) for name, _, _, result in seen] == [
        ("one", "Row"),
        ("one", "Row"),
        ("plain", "Row"),
        ("request", "str"),
    ]
    assert seen[0][1:3] == (("a", 0), {})
    assert seen[2][1:3] == ((), {"name": "c"})
    assert order == ["View", "View", "View", "str"]


async def test_wrap_method_twice_later_wrapper_is_outside(client_of: ClientOf) -> None:
    order: list[str] = []

    def marking(word: str) -> Callable[[Method], Method]:
        def decorate(method: Method) -> Method:
            async def marked(*arguments: Any, **named: Any) -> Any:
                order.append(word)
                return await method(*arguments, **named)

            return marked

        return decorate

    class Wrap:
        @observe(KernelEvents.KERNEL_DEFINITION)
        async def wrap(self, event: DefinitionEvent) -> None:
            event.wrap_method(marking("inner"))
            event.wrap_method(marking("outer"))

    client = client_of(Rows, listeners=[Wrap])
    await client.http("one", params={"name": "a"})

    assert order == ["outer", "inner"]


def _plain(method: Method) -> Any:
    return lambda *_: None


async def _after_wrap(event: DefinitionEvent) -> None:
    event.wrap(lambda action: _passing(action))
    event.wrap_method(lambda method: method)


def _passing(action: Action) -> Action:
    async def passing(request: Request) -> Any:
        return await action(request)

    return passing


async def _not_async(event: DefinitionEvent) -> None:
    event.wrap_method(_plain)


@pytest.mark.parametrize(
    ("listener", "problem"),
    [
        (_after_wrap, r"wrap_method\(\) of 'one' was called after wrap\(\)"),
        (_not_async, "is not async"),
    ],
)
async def test_wrap_method_after_wrap_or_not_async_is_an_error_at_boot(
    client_of: ClientOf, listener: Callable[[DefinitionEvent], Awaitable[None]], problem: str
) -> None:
    class Wrap:
        @observe(KernelEvents.KERNEL_DEFINITION)
        async def wrap(self, event: DefinitionEvent) -> None:
            await listener(event)

    with pytest.raises(ConfigurationError, match=problem):
        await client_of(Rows, listeners=[Wrap]).application.boot()
