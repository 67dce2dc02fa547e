"""Reports errors of revisions in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb

from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from rxkernel import ConfigurationError


@contextmanager
def readable(folder: Path, hint: str = "") -> Iterator[None]:
    """Report errors of Alembic, and of the files in *folder* with their line.

    Args:
        hint: a text that is added to an error of a file.

    Raises:
        ConfigurationError: such an error. Other errors are not changed.
    """
    try:
        yield
    except CommandError as exc:
        raise ConfigurationError(
            f"{exc}; the command `python -m rxkernel db history` lists the revisions in {folder}"
        ) from exc
    except Exception as exc:
        place = _place_of(exc, folder.absolute())
        if place is None:
            raise
        raise ConfigurationError(f"{place}: {reason_of(exc)}{hint}") from exc


def reason_of(exc: Exception) -> str:
    """Return the text of *exc*; for an error of a database, the text of its driver."""
    if isinstance(exc, DBAPIError):
        return str(exc.orig)
    return f"{type(exc).__name__}: {exc.msg if isinstance(exc, SyntaxError) else exc}"


def _place_of(exc: Exception, folder: Path) -> str | None:
    """Return the innermost line of a file in *folder* in the traceback of *exc*."""
    if isinstance(exc, SyntaxError) and exc.filename:
        return _place(Path(exc.filename), exc.lineno, folder)
    frames = reversed(list(walk_tb(exc.__traceback__)))
    places = (_place(Path(frame.f_code.co_filename), line, folder) for frame, line in frames)
    return next((place for place in places if place is not None), None)


def _place(file: Path, line: int | None, folder: Path) -> str | None:
    return f"{file.name}:{line}" if file.is_relative_to(folder) else None
