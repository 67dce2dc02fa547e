"""`DefinitionEvent.exclude`: a definition that no message reaches."""

import pytest

from rxkernel import Application, DefinitionEvent, KernelClient, KernelEvents, both, http, observe


class Reports:
    @both("GET", "/reports", "reports")
    async def list(self) -> str:
        return "reports"

    @http("GET", "/links", "links")
    async def links(self) -> str:
        return "links"


class NoSockets:
    @observe(KernelEvents.KERNEL_DEFINITION)
    async def exclude(self, event: DefinitionEvent) -> None:
        if event.definition.transport == "SOCKET":
            event.exclude()


async def test_excluded_definition_is_not_served() -> None:
    application = Application(controllers=[Reports], listeners=[NoSockets])

    async with KernelClient(application) as client:
        assert (await client.http("reports")).content == "reports"
        assert list(application.kernel.websocket_definitions) == []
        with pytest.raises(KeyError):
            await client.websocket("reports")


async def test_excluded_definition_after_reload_is_not_served() -> None:
    application = Application(controllers=[Reports], listeners=[NoSockets])

    async with KernelClient(application):
        links = application.kernel.http_definitions["links"]
        event = await application.reload(remove=[links])

        assert event.removed == (links,)
        assert [d.name for d in application.kernel.compiled.all] == ["reports"]


async def test_definition_event_has_the_transports_of_the_application() -> None:
    found: set[tuple[str, ...]] = set()

    class Reader:
        @observe(KernelEvents.KERNEL_DEFINITION)
        async def read(self, event: DefinitionEvent) -> None:
            found.add(tuple(event.transports))

    async with KernelClient(Application(controllers=[Reports], listeners=[Reader])):
        assert found == {("HTTP", "SOCKET")}


async def test_definition_event_has_the_definitions_of_the_same_action() -> None:
    """Also those that a listener has excluded before."""
    found: dict[tuple[str, str], list[str]] = {}

    class Reader:
        @observe(KernelEvents.KERNEL_DEFINITION)
        async def read(self, event: DefinitionEvent) -> None:
            definition = event.definition
            found[definition.name, definition.transport] = [d.transport for d in event.siblings]

    listeners = [NoSockets, Reader]
    async with KernelClient(Application(controllers=[Reports], listeners=listeners)):
        assert found == {
            ("reports", "HTTP"): ["HTTP", "SOCKET"],
            ("reports", "SOCKET"): ["HTTP", "SOCKET"],
            ("links", "HTTP"): ["HTTP"],
        }
