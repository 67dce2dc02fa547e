"""The size limits of a body and how it is read, from the signature of its route."""

from typing import Self

import attrs

from rxkernel.exceptions import PayloadTooLargeException, RequestTimeoutException
from rxkernel.messages.connection import ClientAddress
from rxkernel.routing.definitions import HttpDefinition
from rxkernel.routing.signature import Signature
from rxkernel.servers.http.json_parts import JsonParts
from rxkernel.servers.limits import LimitCounters
from rxkernel.settings import HttpSettings

BODY_LIMIT = "http.body_limit"


class BodyTooLargeException(PayloadTooLargeException):
    """A body exceeds the limit of *setting*."""

    def __init__(self, message: str, setting: str) -> None:
        super().__init__(message)
        self.setting = setting


@attrs.frozen
class BodyLimits:
    """The limits of one route; all except *fields* are in bytes.

    Attributes:
        total: the limit of a stream, and of a multipart form with its files.
        memory: the limit of any other body, and of all fields of a form except files.
        file: the limit of one file.
        fields: the number of fields of a form, including files.
        is_streamed: the action reads the body itself.
        is_raw: the action expects the bytes of the body, with any content type.
        is_exact: the action expects decimals, so numbers of JSON are decoded as decimals.
        json_parts: reads the parts of a multipart form that are JSON.
        total_setting: the setting of *total*; ``http.body_limit`` even if the route sets it.
    """

    total: int
    memory: int
    file: int
    fields: int
    json_parts: JsonParts
    is_streamed: bool = False
    is_raw: bool = False
    is_exact: bool = False
    total_setting: str = BODY_LIMIT

    @classmethod
    def of_bytes(cls, settings: HttpSettings) -> Self:
        """Return the limits of a body that is not decoded: ``http.body_limit``."""
        limit = settings.body_limit
        parts = JsonParts(Signature())
        return cls(limit, limit, limit, settings.form_fields_limit, parts, is_raw=True)

    @classmethod
    def of(cls, definition: HttpDefinition, settings: HttpSettings) -> Self:
        """Return the limits of *definition*; its own ``body_limit`` replaces the settings."""
        own, signature = definition.metadata.body_limit, definition.signature
        memory = own or settings.body_limit
        total, total_setting = memory, BODY_LIMIT
        if signature.takes_files or signature.is_streamed:
            total = own or settings.upload_limit
            memory = min(total, settings.body_limit)
            total_setting = BODY_LIMIT if own else "http.upload_limit"
        return cls(
            total,
            memory,
            own or settings.file_limit,
            settings.form_fields_limit,
            JsonParts(signature),
            signature.is_streamed,
            signature.takes_bytes,
            signature.is_exact,
            total_setting,
        )


def too_large(limit: int, setting: str) -> BodyTooLargeException:
    """Return the error for a body of more than *limit* bytes, the value of *setting*."""
    return BodyTooLargeException(f"the body is larger than {limit} bytes", setting)


def check_size(size: int | None, limit: int, setting: str = BODY_LIMIT) -> None:
    """Reject a body of more than *limit* bytes; a *size* of None is not known yet.

    Raises:
        BodyTooLargeException: 413.
    """
    if size is not None and size > limit:
        raise too_large(limit, setting)


def check_file_size(size: int, limits: BodyLimits) -> None:
    """Reject a file of more than ``limits.file`` bytes.

    Raises:
        BodyTooLargeException: 413.
    """
    if size > limits.file:
        raise BodyTooLargeException(
            f"a file is larger than {limits.file} bytes", "http.file_limit"
        )


def check_form_size(size: int, limits: BodyLimits) -> None:
    """Reject a form whose fields, without the files, have more than ``limits.memory`` bytes.

    *size* includes the names of the fields.

    Raises:
        BodyTooLargeException: 413.
    """
    if size > limits.memory:
        raise BodyTooLargeException(
            f"the form without its files is larger than {limits.memory} bytes", BODY_LIMIT
        )


def check_fields(number: int, limits: BodyLimits) -> None:
    """Reject a form with more than ``limits.fields`` fields.

    Raises:
        BodyTooLargeException: 413.
    """
    if number > limits.fields:
        raise BodyTooLargeException(
            f"the form has more than {limits.fields} fields", "http.form_fields_limit"
        )


def record_limit(
    counters: LimitCounters,
    exc: BodyTooLargeException | RequestTimeoutException,
    client: ClientAddress | None,
) -> None:
    """Count the limit that the body of *client* has reached."""
    setting = exc.setting if isinstance(exc, BodyTooLargeException) else "http.body_timeout"
    host = "a client" if client is None else client.host
    counters.record(setting, f"rejected a body of {host}: {exc.message}")
