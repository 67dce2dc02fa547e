"""An exception in a return annotation: it is raised when the action returns it."""

from typing import Any

import attrs
import pytest

from rxkernel import (
    Application,
    ConflictException,
    KernelClient,
    NotFoundException,
    Request,
    Response,
    http,
)


@attrs.frozen
class City:
    name: str


GONE = NotFoundException("no city", code=404)


class Cities:
    @http("GET", "/shaped", "shaped")
    async def shaped(self, is_there: bool = False) -> City | NotFoundException:
        return City("Rome") if is_there else GONE

    @http("GET", "/plain", "plain")
    async def plain(self, request: Request) -> Response | NotFoundException:
        return GONE

    @http("GET", "/thread", "thread")
    def thread(self) -> dict[str, Any] | NotFoundException | None:
        return GONE

    @http("GET", "/other", "other")
    async def other(self) -> City | NotFoundException:
        return ConflictException()  # type: ignore[return-value]


@pytest.mark.parametrize("name", ["shaped", "plain", "thread"])
async def test_returned_exception_is_raised(name: str) -> None:
    async with KernelClient(Application(controllers=[Cities])) as client:
        response = await client.http(name)

    assert response.status_code == 404
    assert response.content == {"statusCode": 404, "message": "no city", "code": 404}


async def test_returned_exception_keeps_no_traceback() -> None:
    """An application may keep the instance, which would hold the frames of every message."""
    async with KernelClient(Application(controllers=[Cities])) as client:
        await client.http("shaped")

    assert GONE.__traceback__ is None


async def test_returned_value_beside_exception_is_converted() -> None:
    async with KernelClient(Application(controllers=[Cities])) as client:
        response = await client.http("shaped", params={"is_there": True})

    assert response.content == City("Rome")


async def test_returned_exception_outside_of_annotation_is_500() -> None:
    async with KernelClient(Application(controllers=[Cities])) as client:
        assert (await client.http("other")).status_code == 500
