"""Services and methods that call a local server."""

from collections.abc import AsyncIterator
from typing import Any, Protocol

import pytest

from bundles.autoload.remote import BusEnvironment, RemoteMethod, Service
from bundles.contracts import Schemas
from rxkernel.kernel.serialization import SERIALIZER
from tests.bundles.autoload.remote.stub import Stub, running_stub
from tests.bundles.tasks.manual_clock import ManualClock


class ServiceOf(Protocol):
    def __call__(self, environment: BusEnvironment | None = None, **values: Any) -> Service: ...


class MethodOf(Protocol):
    def __call__(
        self, values: dict[str, Any], service: Service | None = None, schemas: Any = None
    ) -> RemoteMethod: ...


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    async with running_stub() as stub:
        yield stub


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def service_of(stub: Stub) -> AsyncIterator[ServiceOf]:
    """Builds a service at the stub; its connections are closed at the end. ``clock`` is a clock
    in place of the system's."""
    made: list[Service] = []

    def build(environment: BusEnvironment | None = None, **values: Any) -> Service:
        clock = values.pop("clock", None)
        if environment is None:
            given = {} if clock is None else {"clock": clock}
            environment = BusEnvironment(SERIALIZER, **given)
        service = Service.of(
            {"url": stub.url, "retry_delay": 0, **values},
            name="bus.stub",
            environment=environment,
        )
        made.append(service)
        return service

    yield build
    for service in made:
        await service.close()


@pytest.fixture
def method_of(service_of: ServiceOf) -> MethodOf:
    def build(
        values: dict[str, Any], service: Service | None = None, schemas: Any = None
    ) -> RemoteMethod:
        return RemoteMethod.of(
            values,
            name="bus.stub.call",
            service=service or service_of(),
            schemas=None if schemas is None else Schemas(schemas),
        )

    return build
