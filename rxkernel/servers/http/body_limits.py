"""How much a body may be, and how it is read, by what its route does with it."""

from typing import Self

import attrs

from rxkernel.exceptions import PayloadTooLargeException
from rxkernel.routing.definitions import HttpDefinition
from rxkernel.settings import HttpSettings


@attrs.frozen
class BodyLimits:
    """The limits of one route, all in bytes but *fields*.

    Attributes:
        total: of a stream, and of a multipart form with its files.
        memory: of any other body, and of the fields of a form that are no files together.
        file: of one file.
        fields: the number of fields of a form, files counted.
        is_streamed: the action reads the body itself.
        is_raw: the action takes the bytes, whatever they are.
        is_exact: the action takes decimals from the body, so JSON is read into them.
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
        """The limits of *definition*: its own ``body_limit`` counts before the settings."""
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
    """Refuse more than *limit* bytes; a *size* of None is not known yet.

    Raises:
        PayloadTooLargeException: 413.
    """
    if size is not None and size > limit:
        raise PayloadTooLargeException(f"{what} is larger than {limit} bytes")


def check_form_size(size: int, limits: BodyLimits) -> None:
    """Refuse more than *limits* say in the fields of a form that are no files, names counted.

    Raises:
        PayloadTooLargeException: 413.
    """
    check_size(size, limits.memory, "what the form holds besides files")


def check_fields(number: int, limits: BodyLimits) -> None:
    """Refuse more fields of a form than *limits* say.

    Raises:
        PayloadTooLargeException: 413.
    """
    if number > limits.fields:
        raise PayloadTooLargeException(f"the form has more than {limits.fields} fields")
