"""What a `FileResponse` becomes for one request: a status, headers and parts of a file."""

import os
import secrets
from io import FileIO

import attrs
from multidict import CIMultiDict, MultiMapping

from rxkernel.exceptions import PreconditionFailedException
from rxkernel.messages.content_types import BYTES
from rxkernel.messages.response import FileResponse
from rxkernel.servers.http.files.conditions import Validators
from rxkernel.servers.http.files.opening import open_file
from rxkernel.servers.http.files.ranges import wanted_ranges

_SMALL = 65_536
"""Bytes that are read at once by the thread that opened the file, to leave with the head."""

_NO_BODY = (204, 304)
_OF_A_BODY = ("Content-Type", "Content-Length", "Content-Disposition", "Content-Encoding")


class FileCutShortError(OSError):
    """A file is shorter than it was when its length was told."""


@attrs.define(eq=False)
class FilePlan:
    """The body is ``parts``, one behind the other: bytes as they are, ranges of ``file``.

    ``file`` is None where nothing is left to be read; else it is the caller's to close.
    """

    status: int
    headers: CIMultiDict[str]
    parts: list[bytes | range]
    file: FileIO | None = None


def plan_file(
    response: FileResponse, headers: CIMultiDict[str], method: str, asked: MultiMapping[str]
) -> FilePlan:
    """Open the file of *response* and choose what of it is sent; blocks, so call it in a thread.

    *headers* are its own and become those of the answer, *asked* are those of the request.

    Raises:
        NotFoundException, OSError: it cannot be opened (see `open_file`).
        PreconditionFailedException, RangeNotSatisfiableException: what is asked cannot be.
    """
    file = open_file(response.content, response.root)
    try:
        answer = _choose(os.fstat(file.fileno()), response.status_code, headers, method, asked)
        if method == "HEAD" or answer.status in _NO_BODY:
            answer.parts = []
        elif sum(map(len, answer.parts)) <= _SMALL:
            answer.parts = [_read(file, part) for part in answer.parts]
        else:
            answer.file = file
            return answer
    except BaseException:
        file.close()
        raise
    file.close()
    return answer


def _read(file: FileIO, part: bytes | range) -> bytes:
    if isinstance(part, bytes):
        return part
    content = os.pread(file.fileno(), len(part), part.start)
    if len(content) < len(part):
        raise FileCutShortError("the file became shorter while it was read")
    return content


def _choose(
    file: os.stat_result,
    status: int,
    headers: CIMultiDict[str],
    method: str,
    asked: MultiMapping[str],
) -> FilePlan:
    """Conditions and ranges are about what a GET would get with 200, nothing else (§13.2.1)."""
    ranges: list[range] = []
    if status == 200 and method in ("GET", "HEAD"):
        validators = Validators.of(file, headers)
        validators.tell(headers)
        headers["Accept-Ranges"] = "bytes"
        status = validators.check(asked)
        if status == 412:
            raise PreconditionFailedException
        if status == 200 and method == "GET" and validators.allow_ranges(asked):
            ranges = wanted_ranges(asked.get("Range", ""), file.st_size)
    if status in _NO_BODY:  # what is sent with one is not said without (RFC 9110 §15.4.5)
        for name in _OF_A_BODY:
            headers.popall(name, None)
        return FilePlan(status, headers, [])
    parts = _parts(ranges, file.st_size, headers)
    headers["Content-Length"] = str(sum(map(len, parts)))
    return FilePlan(206 if ranges else status, headers, parts)


def _parts(ranges: list[range], size: int, headers: CIMultiDict[str]) -> list[bytes | range]:
    """Several are each told apart by a boundary and a head of their own (RFC 9110 §14.6)."""
    if not ranges:
        return [range(size)]
    if len(ranges) == 1:
        headers["Content-Range"] = _content_range(ranges[0], size)
        return [ranges[0]]
    boundary, kind = secrets.token_hex(16), headers.get("Content-Type", BYTES)
    headers["Content-Type"] = f"multipart/byteranges; boundary={boundary}"
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
