"""Hints for values that cannot be the content of a response."""

from collections.abc import AsyncIterable, Awaitable, Iterator

from rxkernel.exceptions import HttpException
from rxkernel.messages.open_files import OPEN_FILES


def content_hint(cls: type) -> str | None:
    """Return what to do instead of returning an instance of *cls* as content; None without a hint.

    *cls* must not be a model, since models may have fields named ``status`` and ``headers`` too.
    """
    if is_foreign_response(cls):
        return "it is a response of another library; return a Response of rxkernel"
    if issubclass(cls, OPEN_FILES):
        return "return FileResponse(path) for a file, or StreamResponse with pieces of bytes"
    if issubclass(cls, Awaitable):
        return "await it"
    if issubclass(cls, Iterator | AsyncIterable):
        return "return a list, or StreamResponse for pieces of bytes or str"
    if issubclass(cls, HttpException):
        return "raise it"
    if issubclass(cls, BaseException):
        return "raise it, or an exception with a status, such as NotFoundException"
    return None


def is_foreign_response(cls: type) -> bool:
    """Whether *cls* looks like the responses of aiohttp, Starlette and others."""
    return hasattr(cls, "headers") and (hasattr(cls, "status") or hasattr(cls, "status_code"))
