"""The size limits of a body and how it is read, from the signature of its route."""

from typing import Self

import attrs

from rxkernel.exceptions import PayloadTooLargeException
from rxkernel.routing.definitions import HttpDefinition
from rxkernel.settings import HttpSettings


@attrs.frozen
class BodyLimits:
    """The limits of one route; all except *fields* are in bytes.

    Attributes:
        total: for a stream, and for a multipart form with its files.
        memory: for any other body, and for all fields of a form except files.
        file: for one file.
        fields: the number of fields of a form, with its files.
        is_streamed: the action reads the body itself.
        is_raw: the action expects the bytes of the body, with any content type.
        is_exact: the action expects decimals, so numbers of JSON are decoded as decimals.
    """

    total: int
    memory: int
    file: int
    fields: int
    is_streamed: bool = False
    is_raw: bool = False
    is_exact: bool = False

    @classmethod
    def of(cls, definition: HttpDefinition, settings: HttpSettings) -> Self:
        """Return the limits of *definition*; its own ``body_limit`` replaces the settings."""
        own, signature = definition.metadata.body_limit, definition.signature
        memory = own or settings.body_limit
        total = memory
        if signature.takes_files or signature.is_streamed:
            total = own or settings.upload_limit
            memory = min(total, settings.body_limit)
        return cls(
            total,
            memory,
            own or settings.file_limit,
            settings.form_fields_limit,
            signature.is_streamed,
            signature.takes_bytes,
            signature.is_exact,
        )


def check_size(size: int | None, limit: int, what: str = "the body") -> None:
    """Reject more than *limit* bytes; *size* is None if it is not known yet.

    Raises:
        PayloadTooLargeException: 413.
    """
    if size is not None and size > limit:
        raise PayloadTooLargeException(f"{what} is larger than {limit} bytes")


def check_form_size(size: int, limits: BodyLimits) -> None:
    """Reject a form whose fields, without the files, have more than ``limits.memory`` bytes.

    *size* includes the names of the fields.

    Raises:
        PayloadTooLargeException: 413.
    """
    check_size(size, limits.memory, "the form without its files")


def check_fields(number: int, limits: BodyLimits) -> None:
    """Reject a form with more than ``limits.fields`` fields.

    Raises:
        PayloadTooLargeException: 413.
    """
    if number > limits.fields:
        raise PayloadTooLargeException(f"the form has more than {limits.fields} fields")
