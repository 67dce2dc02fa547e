"""The file that keeps a state in memory over a restart."""

import os
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from bundles.state.exceptions import StateFullException
from bundles.state.settings import StateSettings
from bundles.state.values import Cleaner, decode, measure
from rxkernel import ConfigurationError

_FORMAT = "rxkernel state 1"


def load(file: Path, settings: StateSettings) -> dict[str, Any]:
    """The values in *file*; an empty dict if the file is missing.

    Raises:
        ConfigurationError: it cannot be read or written, or has something else, or more than fits.
    """
    _check_writable(file)
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise ConfigurationError(f"state.file {str(file)!r} cannot be read: {exc}") from exc
    try:
        return _values_of(data, str(file), settings)
    except (ValueError, TypeError, StateFullException) as exc:
        raise ConfigurationError(
            f"state.file {str(file)!r} has no state: {exc}; set another file, or correct this "
            f"one, or remove it to begin with an empty state"
        ) from exc


def _check_writable(file: Path) -> None:
    """Make a file without a name where *file* is or will be: the mode of a directory is not
    enough, since a read-only file system or a full disk prevents writing too.

    Raises:
        ConfigurationError: that is not possible.
    """
    directory = file.absolute().parent
    try:
        while not directory.exists():
            directory = directory.parent
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as exc:
        raise ConfigurationError(
            f"state.file {str(file)!r} cannot be written: {str(directory)!r}: {exc.strerror}"
        ) from exc


def _values_of(data: bytes, path: str, settings: StateSettings) -> dict[str, Any]:
    match decode(data):
        case {"format": str(format), "values": dict(values)} if format == _FORMAT:
            pass
        case {"format": str(format)} if format.startswith("rxkernel state ") and format != _FORMAT:
            raise ValueError(f"it has the format {format!r:.50} of another version of rxkernel")
        case _:
            raise ValueError(
                f'it must be {{"format": "{_FORMAT}", "values": {{…}}}}, as JSON, where values is '
                f"an object of names and values"
            )
    root = Cleaner(path, settings.max_size, "state.max_size").clean(values, 0) or {}
    if (paths := measure(root)[0] - 1) > settings.max_keys:
        raise ValueError(f"it has {paths} paths; state.max_keys is {settings.max_keys}")
    return root


def encode(root: dict[str, Any]) -> bytes:
    """The reverse of `load`."""
    return msgspec.json.format(msgspec.json.encode({"format": _FORMAT, "values": root}))


def write(file: Path, data: bytes) -> None:
    """Replace *file*: it is never incomplete, also after a crash, or if others replace it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(".new", f"{file.name}.", file.parent)  # its mode is 600
    new = Path(name)
    try:
        with open(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(file)
    except OSError:
        new.unlink()
        raise
