"""Errors of actions in the form that callers receive."""

import pytest

from bundles.gateway import (
    BadRequestError,
    CurrentContext,
    MoleculerClientError,
    MoleculerError,
    MoleculerServerError,
    RequestTimeoutError,
    ServiceNotAvailableError,
    ServiceNotFoundError,
    UnAuthorizedError,
    ValidationError,
    action,
)
from rxkernel import NotFoundException, UnprocessableEntityException, http
from tests.bundles.gateway.conftest import SiteOf


class Faulty:
    @action("faulty.client")
    async def client(self) -> None:
        raise MoleculerClientError("Division by zero", 422, "DIV_ZERO", {"a": 1})

    @http("GET", "/moleculer", "moleculer")
    @action("faulty.moleculer")
    async def moleculer(self) -> None:
        raise MoleculerError("m", 567, "TT", {"d": 1})

    @http("GET", "/odd", "odd")
    @action("faulty.odd")
    async def odd(self) -> None:
        raise MoleculerError("m", 42)

    @action("faulty.plain")
    async def plain(self) -> None:
        raise LookupError("a secret")

    @action("faulty.missing")
    async def missing(self) -> None:
        raise NotFoundException("no such article", code="no_article", errors=[1])

    @action("faulty.invalid")
    async def invalid(self) -> None:
        raise UnprocessableEntityException("too expensive", errors=["price"])

    @action("faulty.outer")
    async def outer(self, ctx: CurrentContext) -> None:
        await ctx.call("faulty.client")


# check 8
async def test_error_of_an_action_keeps_its_five_values(site_of: SiteOf) -> None:
    site = await site_of(Faulty)

    with pytest.raises(MoleculerClientError) as caught:
        await site.broker.call("faulty.outer")

    error = caught.value
    assert (error.name, error.message) == ("MoleculerClientError", "Division by zero")
    assert (error.number, error.type, error.data) == (422, "DIV_ZERO", {"a": 1})


# check 9
async def test_plain_exception_reaches_the_caller_unchanged(site_of: SiteOf) -> None:
    site = await site_of(Faulty)

    with pytest.raises(LookupError, match="a secret"):
        await site.broker.call("faulty.plain")


# check 9
async def test_plain_exception_has_a_generic_message_in_the_response(site_of: SiteOf) -> None:
    site = await site_of(Faulty)

    response = await site.client.call("ACTION", "faulty.plain")

    assert response.content == {"statusCode": 500, "message": "Internal Server Error"}


async def test_exceptions_of_the_kernel_reach_the_caller(site_of: SiteOf) -> None:
    site = await site_of(Faulty)

    with pytest.raises(NotFoundException, match="no such article"):
        await site.broker.call("faulty.missing")
    with pytest.raises(UnprocessableEntityException, match="too expensive"):
        await site.broker.call("faulty.invalid")


async def test_moleculer_error_over_http_has_its_type_and_data(site_of: SiteOf) -> None:
    site = await site_of(Faulty)

    response = await site.client.http("moleculer")

    assert response.status_code == 567
    assert response.content == {
        "statusCode": 567,
        "message": "m",
        "code": "TT",
        "errors": {"d": 1},
    }


async def test_error_number_that_is_not_a_status_is_kept_beside_status_400(
    site_of: SiteOf,
) -> None:
    site = await site_of(Faulty)

    with pytest.raises(MoleculerError) as caught:
        await site.broker.call("faulty.odd")
    assert (caught.value.number, caught.value.status_code) == (42, 400)
    assert (await site.client.http("odd")).status_code == 400


def test_errors_have_the_names_and_types_of_moleculer() -> None:
    errors = [
        ServiceNotFoundError("a.b", "node-2"),
        ServiceNotAvailableError("a.b"),
        RequestTimeoutError("a.b", "node-1"),
        ValidationError(),
        BadRequestError(),
        UnAuthorizedError(),
    ]

    assert [(one.number, one.type, one.retryable) for one in errors] == [
        (404, "SERVICE_NOT_FOUND", True),
        (404, "SERVICE_NOT_AVAILABLE", True),
        (504, "REQUEST_TIMEOUT", True),
        (422, "VALIDATION_ERROR", False),
        (400, "ERR_INVALID_FORMAT", False),
        (401, "ERR_INVALID_TOKEN", False),
    ]
    assert errors[0].data == {"action": "a.b", "nodeID": "node-2"}
    assert MoleculerServerError("x").number == 500
    assert MoleculerError("x", retryable=True).retryable
