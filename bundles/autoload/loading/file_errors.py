"""Errors of files, with their lines."""

from types import FrameType
from typing import Any

from bundles.autoload.loading.name_rules import import_hint
from bundles.autoload.loading.place_names import NAMESPACES
from bundles.autoload.loading.source_file import SourceFile

_WITHOUT_VALUES = (AttributeError, ImportError, NameError)
"""Exceptions whose texts contain only names, no values."""


class FileError(Exception):
    """A file has an error. Its message is reported unchanged.

    Attributes:
        line: the line of the error, if it is known.
    """

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.line = line


def line_of(exc: BaseException, source: SourceFile) -> int | None:
    """Return the line of *exc*: the last one of the file in its traceback."""
    if isinstance(exc, FileError):
        return exc.line
    line, traceback = None, exc.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == str(source.path):
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def line_in(frame: FrameType | None, source: SourceFile) -> int | None:
    """Return the line of the file that *frame* executes, or was called from."""
    while frame is not None:
        if frame.f_code.co_filename == str(source.path):
            return frame.f_lineno
        frame = frame.f_back
    return None


def line_of_coroutine(coroutine: Any, source: SourceFile) -> int | None:
    """Return the line of the file at which *coroutine* waits."""
    line = None
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None)
        if frame is not None and frame.f_code.co_filename == str(source.path):
            line = frame.f_lineno
        coroutine = getattr(coroutine, "cr_await", None)
    return line


def describe(exc: BaseException, source: SourceFile) -> str:
    """Return the error text for the exception *exc* of *source*. For a secret file, the text of
    the exception is omitted, since it may contain a value."""
    if isinstance(exc, FileError):
        return str(exc)
    text = type(exc).__name__
    if source.is_secret and not isinstance(exc, _WITHOUT_VALUES):
        text += " (its text may contain a secret, so it is logged only at level DEBUG)"
    elif str(exc):
        text += f": {exc}"
    return f"{text}, raised while the file was executed{_advice(exc)}"


def _advice(exc: BaseException) -> str:
    if isinstance(exc, SystemExit | KeyboardInterrupt):
        return "; a file must not end the process"
    if isinstance(exc, NameError) and exc.name in NAMESPACES:
        return f"; {import_hint(exc.name)}"
    if isinstance(exc, ModuleNotFoundError) and exc.name:
        namespace = exc.name.partition(".")[0]
        return f"; {import_hint(namespace)}" if namespace in NAMESPACES else ""
    return ""
