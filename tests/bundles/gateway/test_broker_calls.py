"""Calls of actions by name."""

import pytest

from bundles.gateway import CurrentContext, ServiceNotFoundError, ValidationError, action
from tests.bundles.gateway.conftest import SiteOf


class Math:
    @action("math.add", visibility="published")
    async def add(self, a: int, b: int) -> int:
        return a + b

    @action("math.double", version=2)
    async def double(self, ctx: CurrentContext, a: int) -> int:
        result: int = await ctx.call("math.add", {"a": a, "b": a})
        return result


async def test_call_of_an_action_returns_its_result(site_of: SiteOf) -> None:
    site = await site_of(Math)

    assert await site.broker.call("math.add", {"a": 1, "b": 2}) == 3
    assert await site.broker.call("v2.math.double", {"a": 2}) == 4


async def test_05_call_of_an_unknown_action_raises_service_not_found(site_of: SiteOf) -> None:
    site = await site_of(Math)

    with pytest.raises(ServiceNotFoundError) as caught:
        await site.broker.call("x.y")

    error = caught.value
    assert (error.name, error.message) == (
        "ServiceNotFoundError",
        "Service 'x.y' is not found.",
    )
    assert (error.number, error.type, error.data) == (404, "SERVICE_NOT_FOUND", {"action": "x.y"})


async def test_07_call_with_a_missing_parameter_raises_validation_error(site_of: SiteOf) -> None:
    site = await site_of(Math)

    with pytest.raises(ValidationError, match="Parameters validation error!") as caught:
        await site.broker.call("math.add", {"a": 1})

    error = caught.value
    assert (error.number, error.type) == (422, "VALIDATION_ERROR")
    assert error.data == [{"type": "required", "field": "b", "message": "is missing"}]
