"""Preconditions of requests for a file with a tag and a date."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from rxkernel.servers.http.conditions import Validators

BEFORE, THEN, AFTER = (f"Sun, 06 Nov 1994 08:49:{second} GMT" for second in (36, 37, 38))
STATE = Validators('"a"', 784111777)
NEW = Validators('W/"a"', 784111777, is_settled=False)


def asked(headers: dict[str, str]) -> CIMultiDict[str]:
    return CIMultiDict(headers)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"If-Match": '"a"'}, 200),
        ({"If-Match": '"b", "a"'}, 200),
        ({"If-Match": '"b,\\"", "a"'}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"b"'}, 412),
        ({"If-Match": 'W/"a"'}, 412),
        ({"If-Match": "a"}, 412),
        ({"If-Match": ""}, 412),
        ({"If-Unmodified-Since": BEFORE}, 412),
        ({"If-Unmodified-Since": THEN}, 200),
        ({"If-Unmodified-Since": "yesterday"}, 200),
        ({"If-None-Match": '"a"'}, 304),
        ({"If-None-Match": 'W/"a"'}, 304),
        ({"If-None-Match": '"b",W/"a"'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"b"'}, 200),
        ({"If-None-Match": "a"}, 200),
        ({"If-Modified-Since": BEFORE}, 200),
        ({"If-Modified-Since": THEN}, 304),
        ({"If-Modified-Since": AFTER}, 304),
        ({"If-Modified-Since": "Sunday, 06-Nov-94 08:49:37 GMT"}, 304),
        ({"If-Modified-Since": "Sun Nov  6 08:49:37 1994"}, 304),
        ({"If-Modified-Since": "yesterday"}, 200),
    ],
)
def test_precondition_has_status_of_rfc(headers: dict[str, str], status: int) -> None:
    """RFC 9110 §13.1."""
    assert STATE.check(asked(headers)) == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-Match": '"a"', "If-Unmodified-Since": BEFORE}, 200),
        ({"If-Match": '"b"', "If-None-Match": '"a"'}, 412),
        ({"If-Match": '"a"', "If-None-Match": '"a"'}, 304),
        ({"If-Unmodified-Since": BEFORE, "If-None-Match": '"a"'}, 412),
        ({"If-None-Match": '"b"', "If-Modified-Since": AFTER}, 200),
        ({"If-None-Match": '"a"', "If-Modified-Since": BEFORE}, 304),
    ],
)
def test_preconditions_are_evaluated_in_order_of_rfc(headers: dict[str, str], status: int) -> None:
    """RFC 9110 §13.2.2: tags before dates, the lost update before the saved transfer."""
    assert STATE.check(asked(headers)) == status


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        (None, True),
        ('"a"', True),
        ('"b"', False),
        ('W/"a"', False),
        ('"b", "a"', False),
        ("*", False),
        (THEN, True),
        (BEFORE, False),
        (AFTER, False),
        ("", False),
    ],
)
def test_if_range_allows_ranges_for_equal_strong_validator(
    given: str | None, allowed: bool
) -> None:
    """RFC 9110 §13.1.5: the date must be equal."""
    assert STATE.matches_if_range(asked({} if given is None else {"If-Range": given})) is allowed


def test_recent_file_is_compared_weakly() -> None:
    """RFC 9110 §8.8.1: a client would combine parts of two versions with one strong tag."""
    assert NEW.check(asked({"If-None-Match": '"a"'})) == 304
    assert NEW.check(asked({"If-Match": '"a"'})) == 412
    assert NEW.check(asked({"If-Modified-Since": AFTER})) == 200
    assert NEW.check(asked({"If-Unmodified-Since": BEFORE})) == 412
    assert not NEW.matches_if_range(asked({"If-Range": 'W/"a"'}))
    assert not NEW.matches_if_range(asked({"If-Range": THEN}))


@pytest.mark.parametrize("seconds", [0.0, 3600.0])
def test_file_with_recent_or_future_time_has_weak_tag(tmp_path: Path, seconds: float) -> None:
    """The clock of the machine that wrote it may be ahead of ours."""
    file, moment = tmp_path / "x", time.time() + seconds
    file.touch()
    os.utime(file, (moment, moment))
    headers: CIMultiDict[str] = CIMultiDict()

    Validators.of(file.stat(), headers).add_to(headers)

    assert headers["ETag"].startswith('W/"')
    assert "Last-Modified" not in headers


def test_old_file_has_strong_tag_of_time_and_size(tmp_path: Path) -> None:
    file = tmp_path / "x"
    tags = set()
    for content, nanoseconds in (("a", 10**9), ("a", 10**9 + 1), ("ab", 10**9)):
        file.write_text(content)
        os.utime(file, ns=(nanoseconds, nanoseconds))
        headers: CIMultiDict[str] = CIMultiDict()
        Validators.of(file.stat(), headers).add_to(headers)
        assert headers["Last-Modified"] == "Thu, 01 Jan 1970 00:00:01 GMT"
        tags.add(headers["ETag"])

    assert len(tags) == 3
    assert not any(tag.startswith("W/") for tag in tags)


def test_validators_set_by_action_are_compared(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.touch()
    headers = asked({"ETag": '"v7"', "Last-Modified": THEN})

    validators = Validators.of(file.stat(), headers)
    validators.add_to(headers)

    assert dict(headers) == {"ETag": '"v7"', "Last-Modified": THEN}
    assert validators.check(asked({"If-None-Match": '"v7"'})) == 304
    assert validators.check(asked({"If-Modified-Since": THEN})) == 304


@given(st.text(), st.sampled_from(["If-Modified-Since", "If-Unmodified-Since", "If-Range"]))
def test_any_text_as_date_is_accepted(text: str, name: str) -> None:
    assert STATE.check(asked({name: text})) in (200, 304, 412)
    assert STATE.matches_if_range(asked({name: text})) in (True, False)
