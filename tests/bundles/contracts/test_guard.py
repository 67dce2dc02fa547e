"""`Contracts.guard`: the contract around a call within another message."""

from typing import Any

import pytest

from bundles.contracts import (
    Contracts,
    ContractsBundle,
    ContractsSettings,
    DomainError,
    Queue,
    arguments_of,
    contract,
)
from rxkernel import (
    Application,
    DefinitionEvent,
    KernelClient,
    KernelEvents,
    Request,
    Settings,
    UnprocessableEntityException,
    both,
    observe,
)


class Inner:
    @both("POST", "/half", "half")
    @contract(parameters={"a": "number"}, returns="number", errors={"odd": "It is odd"}, timeout=9)
    async def half(self, request: Request) -> Any:
        a = arguments_of(request)["a"]
        return DomainError("odd") if a % 2 else a / 2


class Outer:
    """Calls `Inner.half` with the body of its own message."""

    def __init__(self) -> None:
        self.inner: DefinitionEvent | None = None
        self.contracts: Contracts | None = None

    @observe(KernelEvents.KERNEL_DEFINITION, priority=1000)
    async def keep(self, event: DefinitionEvent) -> None:
        if event.definition.name == "half":
            self.inner = event
            self.action = event.action

    @both("POST", "/outer", "outer")
    @contract(parameters={"given": "any"})
    async def outer(self, request: Request) -> list[Any]:
        assert self.inner is not None
        assert self.contracts is not None
        definition = self.inner.definition
        guarded = self.contracts.guard(definition, self.action)
        try:
            return [await guarded(request.inner(definition, arguments_of(request)["given"]))]
        except DomainError as error:
            return [error.code, error.message]
        except UnprocessableEntityException as error:
            return [entry["path"] for entry in error.errors]


@pytest.mark.parametrize("transport", ["http", "websocket"])
async def test_guard_of_an_inner_call_checks_arguments_and_takes_no_slot(transport: str) -> None:
    """Only one call may run in the application, but the inner call does not wait for the outer
    call."""
    outer = Outer()
    settings = ContractsSettings(queue=Queue(concurrency=1, size=1, timeout=20.0))
    application = Application(
        bundles=[ContractsBundle],
        controllers=[Inner, outer],
        settings=Settings(bundles={"contracts": settings}),
    )
    async with KernelClient(application) as client:
        outer.contracts = application.injector.get(Contracts)
        send = getattr(client, transport)

        async def result(given: Any) -> Any:
            return (await send("outer", body={"given": given})).content

        assert await result({"a": 4}) == [2.0]
        assert await result({"a": 3}) == ["odd", "It is odd"]
        assert await result({"b": 3}) == ["body.a", "body.b"]
