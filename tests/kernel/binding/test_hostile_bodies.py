"""Hostile bodies: their cost grows linearly with their size, and no memory stays in use."""

import gc
import sys
from collections import Counter
from types import FrameType
from typing import Any

import attrs
import msgspec
import pytest

from rxkernel.kernel.binding.validation_errors import SEARCH_BUDGET, ValidationErrors
from rxkernel.kernel.binding.validator import Validator


class Comment(msgspec.Struct):
    replies: "list[Comment]" = []
    votes: int = 0
    by_name: "dict[str, Comment | None]" = {}


@attrs.define
class Topic:
    title: str = attrs.field(converter=str, default="")
    comments: list[Comment] = attrs.field(factory=list)
    topics: "list[Topic]" = attrs.field(factory=list)


def size(value: Any) -> int:
    """The number of values in *value*, including itself."""
    parts = value.values() if isinstance(value, dict) else value
    return 1 + sum(map(size, parts)) if isinstance(value, dict | list) else 1


def deep(bottom: Any, *, depth: int = 30) -> Any:
    for _ in range(depth):
        bottom = {"replies": [bottom, {}]}
    return bottom


class Work:
    """Counts the values that are passed to msgspec, and the calls of each method of a node."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.converted = 0
        self.calls: Counter[str] = Counter()
        for place in ("msgspec.convert",):
            monkeypatch.setattr(place, self._convert)

    def _convert(self, raw: Any, *args: Any, convert: Any = msgspec.convert, **named: Any) -> Any:
        self.converted += size(raw)
        return convert(raw, *args, **named)

    def _count(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and "binding" in frame.f_code.co_filename:
            self.calls[frame.f_code.co_name] += 1

    def of(self, kind: Any, raw: Any) -> dict[str, str]:
        """Return the errors of *raw*, by path."""
        found, validator = ValidationErrors(), Validator(kind)
        self.converted, self.calls = 0, Counter()
        sys.setprofile(self._count)
        try:
            validator.read(raw, "body", found)
        finally:
            sys.setprofile(None)
        return {error["path"]: error["message"] for error in found.entries}


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    return Work(monkeypatch)


WIDE = 2 * SEARCH_BUDGET


@pytest.mark.parametrize("depth", [0, 1, 30])
@pytest.mark.parametrize(
    ("last", "place", "message"),
    [
        ({"votes": "x"}, "votes", "expected int, got str"),
        ({"more": 1}, "more", "is not a known field"),
        ({"by_name": {"a": {"votes": "x"}}}, "by_name[...].votes", "expected int, got str"),
    ],
    ids=["votes", "more", "by_name"],
)
def test_error_at_the_bottom_costs_one_pass_and_a_bounded_search(
    work: Work, depth: int, last: Any, place: str, message: str
) -> None:
    raw = deep({"replies": [{}] * WIDE + [last]}, depth=depth)

    errors = work.of(Comment, raw)

    path = "body" + ".replies[0]" * depth + f".replies[{WIDE}].{place}"
    assert errors == {path: message}
    assert work.converted <= size(raw) + 2 * SEARCH_BUDGET
    assert work.calls["collect"] <= 2 * SEARCH_BUDGET
    assert work.calls["find_error"] <= 2 * size(raw)


@pytest.mark.parametrize("last", [{"votes": "x"}, {"more": 1}], ids=str)
def test_parts_of_python_conversion_are_converted_once(work: Work, last: Any) -> None:
    raw: Any = {"comments": [deep({"replies": [{}] * WIDE + [last]})]}
    for _ in range(10):
        raw = {"topics": [raw, {}]}

    (path,) = work.of(Topic, raw)

    assert path.endswith(f".replies[{WIDE}].{next(iter(last))}")
    assert work.converted <= 2 * size(raw)
    assert work.calls["collect"] <= 2 * size(raw)


def test_every_error_of_a_small_body_is_reported(work: Work) -> None:
    raw = deep({"replies": [{}, {"votes": "x"}, {"more": 1}]}, depth=3)
    raw["votes"] = raw["replies"][1]["votes"] = None

    place = "body.replies[0].replies[0].replies[0].replies"
    assert work.of(Comment, raw) == {
        f"{place}[1].votes": "expected int, got str",
        f"{place}[2].more": "is not a known field",
        "body.replies[1].votes": "expected int, got null",
        "body.votes": "expected int, got null",
    }


def test_error_leaves_no_reference_cycle() -> None:
    validator = Validator(Comment)
    gc.collect()
    gc.disable()
    try:
        for last in ({"votes": "x"}, {"more": 1}):
            validator.read({"replies": [{}, last]}, "body", ValidationErrors())
        assert gc.collect() == 0
    finally:
        gc.enable()
