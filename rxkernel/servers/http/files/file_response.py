"""Plans how a `FileResponse` is sent: status, headers, and parts of the file."""

import os
import secrets
from io import FileIO

import attrs
from multidict import CIMultiDict, MultiMapping

from rxkernel.exceptions import PreconditionFailedException
from rxkernel.messages.content_types import BYTES
from rxkernel.messages.response import FileResponse
from rxkernel.servers.http import header_names as hdrs
from rxkernel.servers.http.conditions import Validators
from rxkernel.servers.http.files.opening import open_file
from rxkernel.servers.http.files.ranges import requested_ranges
from rxkernel.servers.http.not_modified import remove_content_headers
from rxkernel.servers.http.statuses import RESET_CONTENT, WITHOUT_CONTENT

_SMALL = 65_536
"""Bytes that the thread which opens the file also reads at most, to send them with the headers."""


class FileCutShortError(OSError):
    """A file became shorter after its ``Content-Length`` was determined."""


@attrs.define(eq=False)
class FilePlan:
    """How to send a file. The body consists of ``parts``, in order: bytes, and ranges of ``file``.

    ``file`` is None if all bytes have already been read; otherwise the caller must close it.
    """

    status: int
    headers: CIMultiDict[str]
    parts: list[bytes | range]
    file: FileIO | None = None


def plan_file(
    response: FileResponse,
    headers: CIMultiDict[str],
    method: str,
    request_headers: MultiMapping[str],
) -> FilePlan:
    """Open the file of *response* and select the parts to send. It blocks, so call it in a thread.

    *headers* are the headers of *response*; missing ones are added to them. *request_headers* may
    contain preconditions and ranges.

    Raises:
        NotFoundException, OSError: the file cannot be opened (see `open_file`).
        PreconditionFailedException: a precondition failed (412).
        RangeNotSatisfiableException: a range is malformed, or all are unsatisfiable (416).
    """
    file = open_file(response.content, response.root)
    try:
        found = os.fstat(file.fileno())
        validators = Validators.of(found, headers)
        status = response.status_code
        plan = plan_parts(found.st_size, validators, status, headers, method, request_headers)
        if method == "HEAD" or plan.status in WITHOUT_CONTENT:
            plan.parts = []
        elif sum(map(len, plan.parts)) <= _SMALL:
            plan.parts = [_read(file, part) for part in plan.parts]
        else:
            plan.file = file
            return plan
    except BaseException:
        file.close()
        raise
    file.close()
    return plan


def _read(file: FileIO, part: bytes | range) -> bytes:
    if isinstance(part, bytes):
        return part
    content = os.pread(file.fileno(), len(part), part.start)
    if len(content) < len(part):
        raise FileCutShortError("the file became shorter while it was read")
    return content


def plan_parts(
    size: int,
    validators: Validators,
    status: int,
    headers: CIMultiDict[str],
    method: str | None,
    request_headers: MultiMapping[str],
) -> FilePlan:
    """Select the parts of a representation of *size* bytes with *validators*, and complete
    *headers*.

    Preconditions and ranges apply if the response to a GET would be 200 (RFC 9110 §13.2.1).

    Raises:
        PreconditionFailedException, RangeNotSatisfiableException: as `plan_file`.
    """
    ranges: list[range] = []
    if status == 200 and method in ("GET", "HEAD"):
        validators.add_to(headers)
        headers[hdrs.ACCEPT_RANGES] = "bytes"
        status = validators.check(request_headers)
        if status == 412:
            raise PreconditionFailedException
        if status == 200 and method == "GET" and validators.matches_if_range(request_headers):
            ranges = requested_ranges(request_headers.get(hdrs.RANGE, ""), size)
    if status in WITHOUT_CONTENT:  # no body, so no headers that describe it (RFC 9110 §15.4.5)
        remove_content_headers(headers)
        if status == RESET_CONTENT:
            headers[hdrs.CONTENT_LENGTH] = "0"
        return FilePlan(status, headers, [])
    parts = _parts(ranges, size, headers)
    headers[hdrs.CONTENT_LENGTH] = str(sum(map(len, parts)))
    return FilePlan(206 if ranges else status, headers, parts)


def _parts(ranges: list[range], size: int, headers: CIMultiDict[str]) -> list[bytes | range]:
    """Return the parts of the body and set *headers* for them; several ranges are sent as
    ``multipart/byteranges`` (RFC 9110 §14.6)."""
    if not ranges:
        return [range(size)]
    if len(ranges) == 1:
        headers[hdrs.CONTENT_RANGE] = _content_range(ranges[0], size)
        return [ranges[0]]
    boundary, kind = secrets.token_hex(16), headers.get(hdrs.CONTENT_TYPE, BYTES)
    headers[hdrs.CONTENT_TYPE] = f"multipart/byteranges; boundary={boundary}"
    parts: list[bytes | range] = []
    for part in ranges:
        head = (
            f"\r\n--{boundary}\r\nContent-Type: {kind}\r\n"
            f"Content-Range: {_content_range(part, size)}\r\n\r\n"
        )
        parts += [head.encode(), part]
    return [*parts, f"\r\n--{boundary}--\r\n".encode()]


def _content_range(part: range, size: int) -> str:
    return f"bytes {part.start}-{part.stop - 1}/{size}"
