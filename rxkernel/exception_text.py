"""Describes exceptions of the user's code for messages: type, text, file and line."""

import importlib
import os
import traceback
from types import TracebackType

_PACKAGE = os.path.join(os.path.dirname(__file__), "")
_BUNDLES = os.path.join(os.path.dirname(os.path.dirname(__file__)), "bundles", "")

_NOT_OF_THE_USER = (_PACKAGE, _BUNDLES, "<frozen ", importlib.__file__)


def text_of(exc: BaseException) -> str:
    """The text of *exc*; empty if ``str(exc)`` raises."""
    try:
        return str(exc)
    except Exception:  # noqa: BLE001 - an exception may be of any class
        return ""


def summary_of(exc: BaseException) -> str:
    """The type of *exc*, and its text if it has one: ``KeyError: 'name'``."""
    text = text_of(exc)
    return f"{type(exc).__name__}{': ' if text else ''}{text}"


def place_of(exc: BaseException, *, of_caller: bool = False) -> str:
    """The file and line where the user's code raised *exc*, as `` (file, line 7)``.

    Empty for a `SyntaxError`, whose text has them. With *of_caller*, the line that called a
    function of a bundle that raised *exc*, such as a decorator.
    """
    frames = [f for f in traceback.extract_tb(exc.__traceback__) if f.filename[0] != "<"]
    own = [frame for frame in frames if not frame.filename.startswith(_PACKAGE)]
    if of_caller:
        own = [frame for frame in own if not frame.filename.startswith(_BUNDLES)] or own
    if isinstance(exc, SyntaxError) or not own:
        return ""
    return f" ({own[-1].filename}, line {own[-1].lineno})"


def own_traceback(exc: BaseException) -> TracebackType | None:
    """The traceback of *exc*, from the first line of the user's code on; the whole traceback if
    all its lines are in rxkernel."""
    found = exc.__traceback__
    while found and found.tb_frame.f_code.co_filename.startswith(_NOT_OF_THE_USER):
        found = found.tb_next
    return found or exc.__traceback__
