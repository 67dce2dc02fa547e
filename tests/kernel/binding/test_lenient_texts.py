"""Conversion of texts of a query or a form, where it differs from the conversion of msgspec."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

import attrs
import msgspec
import pytest

from rxkernel import KernelClient, Query, http, websocket
from rxkernel.kernel.binding.validation_errors import ValidationErrors
from rxkernel.kernel.binding.validator import Validator
from rxkernel.pytest_plugin import ClientOf


@dataclass
class Sign:
    name: str
    agreed: bool = False
    flags: list[bool] = field(default_factory=list)
    maybe: bool | None = None
    note: bool | str = ""


def trimmed(text: str) -> str:
    return text.strip()


@attrs.frozen
class ByHand:
    agreed: bool
    name: str = attrs.field(default="", converter=trimmed)


def read(kind: Any, raw: Any, *, lenient: bool = True) -> Any:
    """Return the value, or the errors by path."""
    found = ValidationErrors()
    value = Validator(kind).read(raw, "params.x", found, lenient)
    return {m["path"]: m["message"] for m in found.entries} or value


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (bool, "on", True),
        (bool, "YES", True),
        (bool, "off", False),
        (bool, "no", False),
        (bool, "true", True),
        (bool, "0", False),
        (bool | None, "on", True),
        (bool | int, "yes", True),
        (bool | int, "5", 5),
        (bool | str, "on", "on"),
        (str, "on", "on"),
        (list[bool], ["on", "0", "No"], [True, False, False]),
        (list[bool] | None, ["off"], [False]),
        (ByHand, {"agreed": "on", "name": " a "}, ByHand(True, "a")),
        (
            Sign,
            {"name": "on", "agreed": "on", "flags": ["yes", "no"], "maybe": "off", "note": "on"},
            Sign("on", True, [True, False], False, "on"),
        ),
    ],
    ids=str,
)
def test_bool_words_of_form_are_read(kind: Any, raw: Any, value: Any) -> None:
    """HTML Standard: a checkbox without a value is sent as "on"."""
    assert read(kind, raw) == value


@pytest.mark.parametrize("word", ["maybe", "onn", "", "2", "ja"])
def test_bool_of_other_word_is_an_error(word: str) -> None:
    assert read(bool, word) == {"params.x": "expected bool"}
    assert read(Sign, {"name": "a", "agreed": "on", "flags": [word]}) == {
        "params.x.flags[0]": "expected bool"
    }


@pytest.mark.parametrize("kind", [bool, list[bool], Sign])
def test_bool_words_in_json_are_errors(kind: Any) -> None:
    raw = {bool: "on", Sign: {"name": "a", "agreed": "on"}}.get(kind, ["on"])

    assert "expected bool, got str" in str(read(kind, raw, lenient=False))


Aware = Annotated[datetime, msgspec.Meta(tz=True)]
TEN = datetime(2024, 1, 1, 10)


@dataclass
class Slot:
    begins: datetime
    at: time = time(0)
    others: list[time] = field(default_factory=list)
    alarm: time | None = None
    note: str = ""


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (datetime, "2024-01-01T10:00", TEN),
        (datetime, "2024-01-01T10:00:30", TEN.replace(second=30)),
        (datetime, "2024-01-01T10:00:30.5", TEN.replace(second=30, microsecond=500_000)),
        (datetime | None, "2024-01-01T10:00", TEN),
        (datetime | int, "2024-01-01T10:00", TEN),
        (Annotated[datetime, msgspec.Meta(tz=False)], "2024-01-01T10:00", TEN),
        (time, "10:00", time(10)),
        (time, "10:00:30", time(10, 0, 30)),
        (time | None, "23:59", time(23, 59)),
        (time | bool, "10:00", time(10)),
        (list[time], ["10:00", "11:00:01"], [time(10), time(11, 0, 1)]),
        (set[time], ["10:00"], {time(10)}),
        (tuple[time, datetime], ["10:00", "2024-01-01T10:00"], (time(10), TEN)),
        (dict[str, time], {"a": "10:00"}, {"a": time(10)}),
        (str, "10:00", "10:00"),
        (
            Slot,
            {
                **{"begins": "2024-01-01T10:00", "at": "10:00", "others": ["11:00"]},
                **{"alarm": "09:30", "note": "10:00"},
            },
            Slot(TEN, time(10), [time(11)], time(9, 30), "10:00"),
        ),
    ],
    ids=str,
)
def test_time_without_seconds_is_read_as_browsers_send_it(kind: Any, raw: Any, value: Any) -> None:
    """HTML Standard: the inputs ``datetime-local`` and ``time`` omit seconds that are 0."""
    assert read(kind, raw) == value


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (time, "24:00"),
        (time, "10:60"),
        (time, "1:00"),
        (time, "10:00:"),
        (time, "\u0661\u0660:\u0660\u0660"),
        (time, "2024-01-01T10:00"),
        (datetime, "10:00"),
        (datetime, "2024-01-01"),
        (datetime, "2024-13-01T10:00"),
        (datetime, "2024-01-01T10"),
    ],
)
def test_time_in_other_format_is_an_error(kind: Any, raw: str) -> None:
    assert read(kind, raw) == {"params.x": f"expected {kind.__name__} (RFC 3339)"}


def test_local_time_for_a_datetime_with_time_zone_is_an_error() -> None:
    assert "timezone" in read(Aware, "2024-01-01T10:00")["params.x"]


@pytest.mark.parametrize(
    ("kind", "raw"), [(datetime, "2024-01-01T10:00"), (time, "10:00"), (list[time], ["10:00"])]
)
def test_time_without_seconds_in_json_is_an_error(kind: Any, raw: Any) -> None:
    (message,) = read(kind, raw, lenient=False).values()

    assert message.endswith("(RFC 3339)")


@pytest.mark.parametrize("kind", [datetime, datetime | None, Annotated[datetime, msgspec.Meta()]])
@pytest.mark.parametrize("raw", ["2026", "1700000000.5", "-5", "1e3", 2026, 1.5])
def test_number_for_datetime_is_an_error(kind: Any, raw: Any) -> None:
    """msgspec would read it as seconds since 1970."""
    got = " (RFC 3339)" if isinstance(raw, str) else f", got {type(raw).__name__}"
    message = f"expected datetime{got}"
    assert read(kind, raw) == {"params.x": message}
    assert read(list[datetime], ["2026-01-01T00:00:00Z", raw]) == {"params.x[1]": message}


def test_datetime_is_read_as_rfc_3339() -> None:
    assert read(datetime, "2026-01-01T00:00:00Z") == datetime(2026, 1, 1, tzinfo=UTC)
    assert read(date, "2026-01-01") == date(2026, 1, 1)
    assert "params.x" in read(date, "2026")
    assert read(datetime | int, "2026") == 2026


class Forms:
    @http("POST", "/form", "form")
    async def form(self, sign: Sign) -> Any:
        return [sign.agreed, sign.flags]

    @http("GET", "/query", "query")
    async def query(
        self,
        at: datetime | None = None,
        on: bool = False,
        sign: Annotated[Sign | None, Query()] = None,
    ) -> Any:
        return [at, on, sign and sign.agreed]

    @http("POST", "/slot", "slot")
    @websocket("slot")
    async def slot(self, slot: Slot) -> Slot:
        return slot

    @http("GET", "/slots/{day}", "searched")
    async def searched(
        self, day: time, slot: Annotated[Slot, Query()], others: list[time] | None = None
    ) -> Any:
        return [day, slot, others]

    @http("POST", "/slots", "slots")
    @websocket("slots")
    async def slots(self, begins: datetime, at: time) -> Any:
        return [begins, at]


async def test_checkbox_of_form_is_a_bool(client_of: ClientOf) -> None:
    client: KernelClient = client_of(Forms)

    response = await client.http("form", form={"name": "a", "agreed": "on", "flags": "yes"})
    assert response.content == [True, [True]]
    response = await client.http("query", params={"on": "on", "name": "a", "agreed": "yes"})
    assert response.content == [None, True, True]
    response = await client.http("query", params={"at": "2026"})
    assert [e["path"] for e in response.content["errors"]] == ["params.at"]


async def test_time_without_seconds_is_read_in_forms_queries_and_params(
    client_of: ClientOf,
) -> None:
    client: KernelClient = client_of(Forms)
    sent = {"begins": "2024-01-01T10:00", "at": "10:00"}

    response = await client.http("slot", form=sent)
    assert response.content == Slot(TEN, time(10))
    response = await client.http("slots", params=sent)
    assert response.content == [TEN, time(10)]
    response = await client.websocket("slots", params=sent)
    assert response.content == [TEN, time(10)]


async def test_time_without_seconds_is_read_in_path_and_class_of_query(
    client_of: ClientOf,
) -> None:
    client: KernelClient = client_of(Forms)

    response = await client.http(
        "searched", params={"day": "10:00", "begins": "2024-01-01T10:00", "others": "11:00"}
    )

    assert response.content == [time(10), Slot(TEN, others=[time(11)]), [time(11)]]


async def test_time_without_seconds_is_422_in_json(client_of: ClientOf) -> None:
    client: KernelClient = client_of(Forms)
    sent = {"begins": "2024-01-01T10:00", "at": "10:00"}

    for response in (
        await client.http("slot", body=sent),
        await client.websocket("slot", body=sent),
    ):
        assert response.status_code == 422
        assert [e["path"] for e in response.content["errors"]] == ["body.begins", "body.at"]
