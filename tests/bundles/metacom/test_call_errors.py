"""The matrix of errors in both profiles, over a WebSocket and over HTTP."""

import asyncio
from typing import Any

import pytest

from bundles.contracts import Contracts
from bundles.metacom import METACOM
from rxkernel import ExceptionEvent, KernelEvents, Response, observe, procedure
from tests.bundles.metacom.conftest import SiteOf
from tests.bundles.metacom.matrix import QUEUE, Failing, call, sending
from tests.waiting import until

BUSY = "too many calls are waiting; try again later"
TYPED = 'Field "a" not of expected type: number; Field "b" is required'
INTERNAL = ("Internal Server Error", 500)

BOTH = pytest.mark.parametrize("way", ["websocket", "http"])
PROFILES = pytest.mark.parametrize("compat", [False, True], ids=["default", "compat"])

Row = tuple[str, Any, tuple[str, Any, int], tuple[str, Any, int]]
"""Method and arguments; then text, code and HTTP status, by default and with ``compat``."""


async def check(site_of: SiteOf, way: str, compat: bool, *rows: Row) -> None:
    """Check the error of each row. Then check that the connection still works, and that no refused
    method has run."""
    site = await site_of(Failing, compat=compat)
    async with sending(site, way) as send:
        for number, (method, args, *expected) in enumerate(rows, 1):
            given = {"way": args} if isinstance(args, str) else args
            reply = await send(call(method, given, number))
            text, code, status = expected[compat]
            assert reply.packet["id"] == number
            assert reply.packet.keys() == {"type", "id", "error"}
            assert reply.error == (text, code)
            assert reply.status == (status if way == "http" else None)
        assert (await send(call("fail/add", {"a": 2, "b": 3}))).packet["result"] == 5
    assert site.application.injector.get(Failing).ran == []


# T12
@BOTH
@PROFILES
async def test_unknown_unit_method_or_no_slash_is_404(
    site_of: SiteOf, way: str, compat: bool
) -> None:
    await check(
        site_of,
        way,
        compat,
        ("nope/x", {}, ("Not Found", 404, 404), ("Not Found", 404, 404)),
        ("fail/nope", {}, ("Not Found", 404, 404), ("Not Found", 404, 404)),
        ("noslash", {}, ("Not Found", 404, 404), ("Not Found", 404, 404)),
    )


# T14
@BOTH
@PROFILES
async def test_argument_of_another_type_is_rejected(
    site_of: SiteOf, way: str, compat: bool
) -> None:
    await check(
        site_of,
        way,
        compat,
        (
            "fail/add",
            {"a": 1, "b": "2"},
            ('Field "b" not of expected type: number', 422, 422),
            ('Invalid parameters type: Field "b" not of expected type: number', 500, 200),
        ),
    )


# T15
@BOTH
@PROFILES
async def test_missing_arguments_are_all_named(site_of: SiteOf, way: str, compat: bool) -> None:
    await check(
        site_of,
        way,
        compat,
        (
            "fail/add",
            {},
            ('Field "a" is required; Field "b" is required', 422, 422),
            ('Invalid parameters type: Field "a" is required; Field "b" is required', 500, 200),
        ),
    )


# T16
@BOTH
@PROFILES
async def test_unexpected_argument_is_rejected(site_of: SiteOf, way: str, compat: bool) -> None:
    await check(
        site_of,
        way,
        compat,
        (
            "fail/add",
            {"a": 1, "b": 2, "c": 3},
            ('Field "c" is not expected', 422, 422),
            ('Invalid parameters type: Field "c" is not expected', 500, 200),
        ),
    )


@BOTH
@PROFILES
async def test_arguments_of_a_typed_method_are_rejected(
    site_of: SiteOf, way: str, compat: bool
) -> None:
    await check(
        site_of,
        way,
        compat,
        (
            "fail/typed",
            {"a": {}},
            (TYPED, 422, 422),
            (f"Invalid parameters type: {TYPED}", 500, 200),
        ),
    )


# T30
@BOTH
@PROFILES
async def test_validate_that_raises_stops_the_method(
    site_of: SiteOf, way: str, compat: bool
) -> None:
    await check(
        site_of,
        way,
        compat,
        ("fail/validate", {}, ("validation failed", 422, 422), (*INTERNAL, 500)),
        ("fail/validate_async", {}, ("validation failed", 422, 422), (*INTERNAL, 500)),
    )


# T18
@BOTH
@PROFILES
async def test_returned_error_with_a_code_has_its_text_and_code(
    site_of: SiteOf, way: str, compat: bool
) -> None:
    await check(
        site_of,
        way,
        compat,
        ("fail/returned", "code 10", ("own text", 10, 400), ("own text", 10, 200)),
        ("fail/returned", "code 404", ("own text", 404, 404), ("own text", 404, 200)),
        ("fail/returned", "code 12345", ("own text", 12345, 400), ("own text", 12345, 200)),
    )


# T19
@BOTH
@PROFILES
async def test_returned_error_without_a_code_has_its_text_and_500(
    site_of: SiteOf, way: str, compat: bool
) -> None:
    await check(
        site_of,
        way,
        compat,
        ("fail/returned", "without code", ("own text", 500, 500), ("own text", 500, 200)),
    )


# T20
@BOTH
@PROFILES
async def test_raised_exception_is_hidden(site_of: SiteOf, way: str, compat: bool) -> None:
    await check(
        site_of,
        way,
        compat,
        ("fail/raised", "without code", (*INTERNAL, 500), (*INTERNAL, 500)),
    )


# T21
@BOTH
@PROFILES
async def test_raised_exception_has_its_status(site_of: SiteOf, way: str, compat: bool) -> None:
    await check(
        site_of,
        way,
        compat,
        ("fail/raised", "code 404", ("own text", 404, 404), ("own text", 404, 404)),
        ("fail/raised", "code 401", ("own text", 401, 401), ("own text", 401, 401)),
        ("fail/raised", "code 422", ("own text", 422, 422), ("own text", 422, 422)),
        ("fail/raised", "code 403", ("own text", 403, 403), ("own text", 403, 403)),
        ("fail/raised", "code 503", ("own text", 503, 503), ("Service Unavailable", 503, 503)),
    )


# T22
@BOTH
@PROFILES
async def test_raised_exception_with_another_code_is_hidden(
    site_of: SiteOf, way: str, compat: bool
) -> None:
    await check(
        site_of,
        way,
        compat,
        ("fail/raised", "code 12345", (*INTERNAL, 500), (*INTERNAL, 500)),
    )


# T23
@BOTH
@PROFILES
async def test_returned_domain_error_has_the_text_of_the_contract(
    site_of: SiteOf, way: str, compat: bool
) -> None:
    await check(
        site_of,
        way,
        compat,
        (
            "fail/returned",
            "EARGA",
            ("Invalid argument: a", "EARGA", 400),
            ("Invalid argument: a", "EARGA", 200),
        ),
        (
            "fail/returned",
            "unlisted",
            ("Domain error", "EOTHER", 400),
            ("Domain error", "EOTHER", 200),
        ),
        ("fail/declared", {}, ("own text", "EARGA", 400), ("own text", "EARGA", 200)),
    )


@BOTH
@PROFILES
async def test_returned_exception_of_another_class_is_a_bug(
    site_of: SiteOf, way: str, compat: bool
) -> None:
    await check(
        site_of,
        way,
        compat,
        ("fail/returned", "exception", (*INTERNAL, 500), (*INTERNAL, 500)),
    )


@BOTH
@PROFILES
async def test_raised_domain_error_is_sent_if_its_code_is_a_status(
    site_of: SiteOf, way: str, compat: bool
) -> None:
    await check(
        site_of,
        way,
        compat,
        ("fail/raised", "domain 12345", ("own text", 12345, 400), (*INTERNAL, 500)),
        ("fail/raised", "domain 404", ("own text", 404, 404), ("own text", 404, 404)),
        ("fail/raised", "EARGA", ("Invalid argument: a", "EARGA", 400), (*INTERNAL, 500)),
    )


# T24
@BOTH
@PROFILES
async def test_result_that_breaks_returns_is_500(site_of: SiteOf, way: str, compat: bool) -> None:
    await check(
        site_of,
        way,
        compat,
        (
            "fail/returns",
            {},
            (*INTERNAL, 500),
            ('Invalid result type: Field "a" not of expected type: number', 500, 200),
        ),
        ("fail/unencodable", {}, (*INTERNAL, 500), (*INTERNAL, 500)),
    )


# T25
@BOTH
@PROFILES
async def test_timeout_is_408_with_its_milliseconds(
    site_of: SiteOf, way: str, compat: bool
) -> None:
    await check(
        site_of,
        way,
        compat,
        (
            "fail/timeout",
            {},
            ("Timeout of 20ms reached", 408, 408),
            ("Timeout of 20ms reached", 408, 408),
        ),
    )


# T14, T15, T16
@BOTH
async def test_invalid_arguments_are_listed_in_errors_by_field(site_of: SiteOf, way: str) -> None:
    site = await site_of(Failing)
    async with sending(site, way) as send:
        error = (await send(call("fail/add", {"b": "2", "c": 1}))).packet["error"]

    assert {(each["path"].partition(".")[2], each["code"]) for each in error["errors"]} == {
        ("a", "missing"),
        ("b", "type"),
        ("c", "unknown_field"),
    }


# T20
@BOTH
@PROFILES
async def test_exception_is_hidden_and_logged_with_the_request_id(
    site_of: SiteOf, way: str, compat: bool, caplog: pytest.LogCaptureFixture
) -> None:
    site = await site_of(Failing, compat=compat)
    async with sending(site, way) as send:
        error = (await send(call("fail/raised", {"way": "without code"}))).packet["error"]

    assert "secret" not in str(error)
    assert "a secret" in caplog.text
    assert ("request_id" in error) is not compat


# T17
@BOTH
@PROFILES
async def test_null_arguments_get_an_error_with_the_id(
    site_of: SiteOf, way: str, compat: bool
) -> None:
    site = await site_of(Failing, compat=compat)
    packet = '{"type":"call","id":7,"method":"fail/add","args":null}'
    async with sending(site, way) as send:
        reply = await send(packet)

    assert reply.packet["id"] == 7
    if compat:
        assert reply.error == INTERNAL
    else:
        assert reply.error == ("args must be an object or an array", 400)
    if way == "http":
        assert reply.status == (500 if compat else 400)


# T28
@BOTH
@PROFILES
async def test_full_queue_is_503_at_once_and_the_others_succeed_in_order(
    site_of: SiteOf, way: str, compat: bool
) -> None:
    site = await site_of(Failing, compat=compat)
    failing = site.application.injector.get(Failing)
    slots = site.application.injector.get(Contracts).slots_of(QUEUE)
    async with (
        sending(site, way) as first,
        sending(site, way) as second,
        sending(site, way) as third,
    ):
        one = asyncio.create_task(first(call("fail/queue", {"number": 1})))
        await failing.entered.wait()
        two = asyncio.create_task(second(call("fail/queue", {"number": 2})))
        await until(lambda: slots.waiting == 1)
        reply = await third(call("fail/queue", {"number": 3}))
        failing.release.set()
        results = [(await task).packet["result"] for task in (one, two)]

    assert results == failing.ran == [1, 2]
    assert reply.error == ("Service Unavailable" if compat else BUSY, 503)
    assert reply.status in (None, 503)


# T29
@BOTH
@PROFILES
async def test_call_that_waits_too_long_is_503(site_of: SiteOf, way: str, compat: bool) -> None:
    site = await site_of(Failing, compat=compat)
    failing = site.application.injector.get(Failing)
    async with sending(site, way) as first, sending(site, way) as second:
        one = asyncio.create_task(first(call("fail/impatient")))
        await failing.entered.wait()
        reply = await second(call("fail/impatient"))
        failing.release.set()
        await one

    assert reply.error == ("Service Unavailable" if compat else BUSY, 503)


class Cancelling:
    @procedure("cancelling/waits", METACOM)
    async def waits(self) -> None:
        self.cancel()
        await asyncio.sleep(0)

    @procedure("cancelling/returns", METACOM)
    async def returns(self) -> object:
        self.cancel()
        return object()

    def cancel(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()


@PROFILES
@pytest.mark.parametrize("method", ["waits", "returns"])
async def test_action_that_cancels_its_own_task_is_500(
    site_of: SiteOf, compat: bool, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Each packet with an id gets a response."""
    site = await site_of(Cancelling, compat=compat)
    async with sending(site, "websocket") as send:
        for id in 1, 2:
            reply = await send(call(f"cancelling/{method}", {}, id))
            assert (reply.packet["id"], reply.error) == (id, INTERNAL)

    assert any("failed" in record.message for record in caplog.records)


@BOTH
async def test_response_of_an_exception_listener_is_the_error(site_of: SiteOf, way: str) -> None:
    async def shape(event: ExceptionEvent) -> None:
        event.set_response(Response({"message": "shaped"}, 418))

    site = await site_of(Failing, listeners=(observe(KernelEvents.KERNEL_EXCEPTION)(shape),))
    async with sending(site, way) as send:
        reply = await send(call("fail/raised", {"way": "EARGA"}))

    assert reply.error == ("shaped", 418)
    assert reply.status in (None, 418)
