"""The codec of the cacher in Redis."""

from types import NoneType
from typing import Any, Union, get_args, get_origin

import msgspec

from rxkernel import HttpException, Response, Scalars, Serializer, Validator


class JsonCodec:
    """Stores JSON, like the serializer of Moleculer, and reads it as *type*.

    A type that can only be sent, such as ``Iterable[int]``, is read as `Any`; then every caller
    gets plain values.
    """

    keeps_types = False

    def __init__(self, type_: Any, serializer: Serializer, scalars: Scalars) -> None:
        self._encode = serializer.encode_json
        self._validator = _validator_of(type_, scalars)

    def encode(self, value: Any) -> bytes:
        return self._encode(value)

    def decode(self, entry: bytes) -> Any:
        """
        Raises:
            ValueError: the entry is not JSON, or invalid by the type.
        """
        plain = msgspec.json.decode(entry)
        if self._validator is None or plain is None:
            return plain
        try:
            return self._validator.validate(plain, "result")
        except HttpException as exc:
            raise ValueError(f"it does not fit the return annotation: {exc.errors}") from exc


def _validator_of(type_: Any, scalars: Scalars) -> Validator | None:
    members = [member for member in _members(type_) if not _is_no_value(member)]
    if not members or Any in members or object in members:
        return None
    try:
        return Validator(Union[tuple(members)], scalars=scalars)  # noqa: UP007 - made of a tuple
    except (TypeError, NameError):
        return None


def _members(type_: Any) -> tuple[Any, ...]:
    is_union = get_origin(type_) is Union or type(type_) is type(int | str)
    return get_args(type_) if is_union else (type_,)


def _is_no_value(member: Any) -> bool:
    return (
        member is NoneType
        or member is None
        or (isinstance(member, type) and issubclass(member, Response | HttpException))
    )
