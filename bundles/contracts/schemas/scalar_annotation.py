"""Builds the type of Python for a scalar: constraints of msgspec, and a rule for larger bounds."""

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Union

import msgspec

from bundles.contracts.schemas.nodes import Scalar
from bundles.contracts.schemas.rules import in_range
from rxkernel import validated_by

_MAX_BOUND = 2.0**63
"""msgspec supports bounds of 64 bits."""


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
    low = _bound(max, node.type.low, node.minimum, node.shortest)
    high = _bound(min, node.type.high, node.maximum, node.longest)
    return _integer(low, high) if node.type.family == "integer" else _number(low, high)


def _bound(choose: Callable[..., float], *bounds: float | None) -> float | None:
    return choose((bound for bound in bounds if bound is not None), default=None)


def _is_supported(bound: float | None) -> bool:
    return bound is None or -_MAX_BOUND <= bound < _MAX_BOUND


def _integer(low: float | None, high: float | None) -> Any:
    meta = {
        "ge": math.ceil(low) if low is not None and _is_supported(low) else None,
        "le": math.floor(high) if high is not None and _is_supported(high) else None,
    }
    type_ = constrained(int, meta)
    if _is_supported(low) and _is_supported(high):
        return type_
    return Annotated[type_, validated_by(in_range(low, high))]


def _number(low: float | None, high: float | None) -> Any:
    """Integers and floats: neither becomes the other. Only finite floats are in a range."""
    ints = {
        "ge": math.ceil(low) if low is not None and _is_supported(low) else None,
        "le": math.floor(high) if high is not None and _is_supported(high) else None,
    }
    floats = {"ge": low, "le": high}
    return Union[constrained(int, ints), constrained(float, floats)]  # noqa: UP007 - of variables


def constrained(type_: Any, meta: Mapping[str, Any]) -> Any:
    """Return *type_* with the constraints of *meta* that are not None."""
    given = {key: value for key, value in meta.items() if value is not None}
    return Annotated[type_, msgspec.Meta(**given)] if given else type_
