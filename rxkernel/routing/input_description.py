"""The description of the input that a resolver reads, for documentation."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from rxkernel.exceptions import ConfigurationError


class DescribedInput(msgspec.Struct, forbid_unknown_fields=True):
    """One value: ``source`` and ``key`` as in `Parameter`, ``schema`` is a JSON Schema."""

    source: Literal["params", "header", "cookie", "body"]
    key: str
    schema: dict[str, Any]
    required: bool = True
    description: str = ""


class InputDescription(msgspec.Struct, forbid_unknown_fields=True):
    """The dict that ``describe`` of a resolver returns.

    ``inputs`` are the values that the resolver reads, ``statuses`` the status codes of its
    errors: ``{"inputs": [{"source": "params", "key": "id", "schema": {"type": "integer"}}],
    "statuses": [404]}``.
    """

    inputs: list[DescribedInput] = []
    statuses: list[Annotated[int, msgspec.Meta(ge=400, le=599)]] = []


def checked_description(given: Any) -> Mapping[str, Any]:
    """Return *given* with the defaults of missing keys.

    Raises:
        ConfigurationError: it is not an `InputDescription`.
    """
    try:
        description = msgspec.convert(given, InputDescription)
    except (msgspec.ValidationError, TypeError) as exc:
        raise ConfigurationError(
            f"describe() returned {given!r:.200}: {exc}; return a dict such as "
            f'{{"inputs": [{{"source": "params", "key": "id", "schema": {{"type": "integer"}}}}], '
            f'"statuses": [404]}}'
        ) from exc
    plain: dict[str, Any] = msgspec.to_builtins(description)
    return plain
