"""Types that `msgspec.convert` would analyze again at each conversion."""

from typing import Annotated, Any, TypedDict

import msgspec
import pytest

from rxkernel import UnprocessableEntityException, Validator


class Point(TypedDict):
    x: int
    y: Annotated[float, msgspec.Meta(ge=0)]


UNION = int | Annotated[float, msgspec.Meta(le=10)]


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (UNION, 3),
        (UNION, 2.5),
        (UNION | None, None),
        (list[int], [1, 2]),
        (dict[str, list[int]], {"a": [1]}),
        (Point, {"x": 1, "y": 2.5}),
        (Annotated[str, msgspec.Meta(min_length=1)], "a"),
    ],
)
def test_valid_value_is_converted(type_: Any, value: Any) -> None:
    assert Validator(type_).validate(value) == value


@pytest.mark.parametrize(
    ("type_", "value", "paths"),
    [
        (UNION, "x", ["body"]),
        (UNION, 11.5, ["body"]),
        (list[int], [1, "x", "y"], ["body[1]", "body[2]"]),
        (Point, {"x": "x", "y": -1}, ["body.x", "body.y"]),
        (Point, {"x": 1, "y": 1, "z": 1}, ["body.z"]),
        (Point, [], ["body"]),
    ],
)
def test_errors_have_their_paths(type_: Any, value: Any, paths: list[str]) -> None:
    with pytest.raises(UnprocessableEntityException) as caught:
        Validator(type_).validate(value)
    assert [entry["path"] for entry in caught.value.errors] == paths


def test_texts_of_a_lenient_source_are_converted() -> None:
    assert Validator(list[int]).validate(["1", "2"], lenient=True) == [1, 2]
