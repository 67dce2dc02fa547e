"""Builds the Python type of a scalar: with constraints of msgspec, and a rule for large bounds."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Union

import attrs
import msgspec

from bundles.contracts.schemas.nodes import Scalar
from bundles.contracts.schemas.rules import Rule, in_range, numbers_in_range
from bundles.contracts.schemas.scalar_types import MAX_FLOAT
from rxkernel import validated_by

_MAX_BOUND = 2.0**63
"""The bound from which a rule is necessary, since msgspec supports bounds of 64 bits."""


def scalar_annotation(node: Scalar) -> Any:
    """Return the type of *node*."""
    if node.type.family == "text":
        meta = {
            "min_length": node.shortest,
            "max_length": node.longest,
            "pattern": node.pattern,
        }
        return constrained(str, meta)
    if node.type.family == "other":
        return node.type.type
    low, high = bounds_of(node)
    if node.type.family == "integer":
        type_ = constrained(int, _of_integers(low, high))
    else:  # an int stays an int; the range excludes infinite floats
        floats = constrained(float, {"ge": low, "le": high})
        type_ = Union[constrained(int, _of_integers(low, high)), floats]  # noqa: UP007
    large = [_large(bound) for bound in (low, high)]
    return type_ if large == [None, None] else Annotated[type_, validated_by(in_range(*large))]


def without_large_bounds(node: Scalar) -> tuple[Scalar, Rule | None]:
    """Return *node* with the bounds that msgspec supports, and a rule for the others.

    A member of a union cannot have a rule, but the union can.
    """
    low, high = map(_large, bounds_of(node))
    if low is None and high is None:
        return node, None
    type_ = node.type
    bare = attrs.evolve(
        node,
        type=attrs.evolve(type_, low=_without_large(type_.low), high=_without_large(type_.high)),
        shortest=_without_large(node.shortest),
        longest=_without_large(node.longest),
        minimum=_without_large(node.minimum),
        maximum=_without_large(node.maximum),
    )
    return bare, numbers_in_range(low, high)


def _without_large(bound: float | None) -> float | None:
    return bound if _large(bound) is None else None


def bounds_of(node: Scalar) -> tuple[float | None, float | None]:
    """Return the lowest and the highest number of *node*."""
    lows = (node.type.low, node.minimum, node.shortest)
    highs = (node.type.high, node.maximum, node.longest)
    return (
        max((bound for bound in lows if bound is not None), default=None),
        min((bound for bound in highs if bound is not None), default=None),
    )


def has_empty_range(node: Scalar) -> bool:
    """Whether the range of *node* contains no number."""
    low, high = bounds_of(node)
    if low is None or high is None:
        return False
    return math.ceil(low) > math.floor(high) if node.type.family == "integer" else low > high


def _of_integers(low: float | None, high: float | None) -> dict[str, int | None]:
    return {
        "ge": math.ceil(low) if low is not None and _is_supported(low) else None,
        "le": math.floor(high) if high is not None and _is_supported(high) else None,
    }


def _is_supported(bound: float) -> bool:
    return -_MAX_BOUND <= bound < _MAX_BOUND


def _large(bound: float | None) -> float | None:
    """Return *bound* if only a rule can check it, otherwise None. The default bounds of numbers
    need no rule."""
    is_limit = bound is None or abs(bound) == MAX_FLOAT or _is_supported(bound)
    return None if is_limit else bound


def constrained(type_: Any, meta: Mapping[str, Any]) -> Any:
    """Return *type_* with the constraints of *meta* that are not None."""
    given = {key: value for key, value in meta.items() if value is not None}
    return Annotated[type_, msgspec.Meta(**given)] if given else type_
