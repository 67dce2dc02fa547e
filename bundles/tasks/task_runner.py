"""Runs a task as a message, with the head, request, response and exception listeners."""

import logging
from copy import deepcopy
from typing import Any

import attrs
from injector import inject

from bundles.tasks.scheduler.entry import TaskEntry
from bundles.tasks.transport import TASKS
from rxkernel import (
    HttpException,
    Kernel,
    NotFoundException,
    Request,
    Response,
    StreamNotSupportedException,
    decode_json,
    encode_json,
)

logger = logging.getLogger(__name__)

_MAX_RESULT = 4096
_MAX_ERROR = 1000


@attrs.frozen
class Outcome:
    """The result of a run, or its error."""

    result: Any = None
    error: str | None = None


@attrs.frozen
class Handled:
    """The response to a message as JSON, and the error of the run."""

    data: bytes
    status_code: int
    error: str | None


class TaskRunner:
    @inject
    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    async def run(self, entry: TaskEntry) -> Outcome:
        """Run *entry* once; see `handle`."""
        params, body = deepcopy((entry.params, entry.body))  # the action may change them
        request = Request(TASKS, params=params, body=body, url=entry.task)
        handled = await self.handle(request, entry.task)
        if handled.error is not None:
            return Outcome(error=handled.error[:_MAX_ERROR])
        return Outcome(decode_json(handled.data) if len(handled.data) <= _MAX_RESULT else None)

    async def handle(self, request: Request, task: str) -> Handled:
        """Handle one message, in the task and the context of the caller."""
        kernel = self._kernel
        response: Response | None = None
        size: int | None = None
        kernel.begin(request)
        try:
            response, error = await self._respond(request, task)
            response, data = await kernel.encoded(request, response, self._encode)
            size = len(data)
            if error is None and response.status_code >= 400:
                error = _text_of_response(response)
            return Handled(data, response.status_code, _storable(error))
        finally:
            kernel.terminate(request, response, size=size)

    async def _respond(self, request: Request, task: str) -> tuple[Response, str | None]:
        """Return the response, and the error of the run; None if it succeeded."""
        kernel = self._kernel
        definition = kernel.definitions[TASKS].get(task)
        if definition is None:
            unknown = NotFoundException(f"unknown task {task!r}", code="unknown_task")
            logger.error("task %s failed: there is no procedure of this name", task)
            return await kernel.fail(request, unknown), _text_of(unknown)
        try:
            return await definition.pipeline.handle(request), None
        except BaseException as exc:  # noqa: BLE001 - `recover` raises those of the process
            response = await kernel.recover(definition, request, exc)
            error = _text_of(exc)
            if isinstance(exc, HttpException) and exc.status_code < 500:
                logger.error("task %s failed: %s", task, error)  # the kernel logs the others
            return response, error

    def _encode(self, response: Response) -> bytes:
        if response.is_streamed:
            raise StreamNotSupportedException("a task returns its result, not a stream or a file")
        return self._kernel.serializer.encode_json(response.content)


def _storable(text: str | None) -> str | None:
    """Return *text* without half surrogate pairs, which the text of an error may have, and which
    neither SQLite nor JSON can store."""
    return None if text is None else text.encode(errors="backslashreplace").decode()


def _text_of(exc: BaseException) -> str:
    if not isinstance(exc, HttpException):
        return f"{type(exc).__name__}: {exc}"
    errors = "" if exc.errors is None else f": {encode_json(exc.errors).decode()}"
    return f"{exc.status_code} {exc.message}{errors}"


def _text_of_response(response: Response) -> str:
    content = response.content
    message = content.get("message", "") if isinstance(content, dict) else ""
    return f"{response.status_code} {message}".rstrip()
