"""``page: Page``: the part of a list that a client requests."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import attrs
import msgspec

from rxkernel import (
    ConfigurationError,
    Definition,
    Marker,
    Parameter,
    Request,
    UnprocessableEntityException,
    Validator,
)

_LARGEST = 2**63 - 1
_SKIPS = ("skip", "offset")
_NAMES = ("limit", *_SKIPS)


@attrs.frozen
class Page:
    """*limit* rows after the first *skip* ones."""

    limit: int = 50
    skip: int = 0


@attrs.frozen
class Paging(Marker):
    """Reads a `Page` from the parameters ``limit`` and ``skip``, or ``offset``.

    Attributes:
        limit: the default limit, for clients that send none.
        at_most: the maximum limit; a larger limit of a client is reduced to it.
    """

    limit: int = 50
    at_most: int = 200

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.limit <= self.at_most:
            raise ConfigurationError(
                f"{self!r} has a limit that is not between 1 and at_most; correct one of them"
            )


class PageResolver:
    def __init__(self) -> None:
        limit = Annotated[int, msgspec.Meta(ge=1, le=_LARGEST)]
        skip = Annotated[int, msgspec.Meta(ge=0, le=_LARGEST)]
        self._limit = Validator(limit)
        self._skip = Validator(skip)

    def bind(
        self, marker: Paging, parameter: Parameter, definition: Definition
    ) -> Callable[[Request], Page]:
        if parameter.type is not Page:
            raise ConfigurationError(
                f"its type is {parameter.type}; write Annotated[Page, {marker!r}]"
            )

        def page(request: Request) -> Page:
            errors: list[Any] = []
            params = request.filled_params(_NAMES.__contains__)
            limit = _read(self._limit, params, "limit", marker.limit, errors)
            sent = [name for name in _SKIPS if name in params]
            skip = _read(self._skip, params, sent[0] if sent else "skip", 0, errors)
            if len(sent) > 1:
                text = "is sent together with skip; send one of them"
                errors.append({"path": "params.offset", "code": "invalid", "message": text})
            if errors:
                raise UnprocessableEntityException(errors=errors)
            return Page(min(limit, marker.at_most), skip)

        return page

    def describe(self, marker: Paging, parameter: Parameter) -> dict[str, Any]:
        limit = {"type": "integer", "minimum": 1, "default": marker.limit}
        skip = {"type": "integer", "minimum": 0, "default": 0}
        texts = {
            "limit": f"the number of items, at most {marker.at_most}",
            "skip": "the number of items before the first one",
            "offset": "the same as skip",
        }
        inputs = [
            {
                "source": "params",
                "key": key,
                "schema": limit if key == "limit" else skip,
                "required": False,
                "description": text,
            }
            for key, text in texts.items()
        ]
        return {"inputs": inputs, "statuses": [422]}


def _read(
    validator: Validator, params: Mapping[str, Any], name: str, default: int, errors: list[Any]
) -> int:
    if name not in params:
        return default
    try:
        value: int = validator.validate(params[name], f"params.{name}", lenient=True)
    except UnprocessableEntityException as exc:
        errors += exc.errors
        return default
    return value
