"""Applies the markers of a return annotation, before the value is converted to its type."""

from typing import Any

from rxkernel.exceptions import HttpException
from rxkernel.kernel.binding.response_shape import Shape, has_shaped_content
from rxkernel.kernel.binding.return_types import ReturnedTypes
from rxkernel.messages.response import Response
from rxkernel.routing.return_markers import ReturnMarker
from rxkernel.routing.signature import Signature


def marked_shape(signature: Signature, shape: Shape | None) -> Shape | None:
    """Return a function that applies the markers of the return annotation, then *shape*; only
    *shape* without markers."""
    markers = signature.return_markers
    if not markers:
        return shape
    types = ReturnedTypes.of(signature.returns)

    def marked(value: Any) -> Any:
        if isinstance(value, HttpException) or (value is None and types.is_optional):
            return value if shape is None else shape(value)
        for marker in markers:
            value = _sent(marker, value, types.responses)
        return value if shape is None else shape(value)

    return marked


def _sent(marker: ReturnMarker, value: Any, declared: tuple[type, ...]) -> Any:
    if not isinstance(value, Response):
        return marker.sent_value(value)
    if has_shaped_content(value, declared):
        value.content = marker.sent_value(value.content)
    return value
