"""The section ``[autoload]`` of the settings."""

from pathlib import Path

import attrs

from rxkernel import SECONDS, SIZE, SWITCH, Allowed
from rxkernel.settings import FILE

_MODE = Allowed(
    "a name of letters, digits and _, or none",
    (str, type(None)),
    lambda value: value is None or value.isidentifier(),
)


@attrs.frozen(kw_only=True)
class AutoloadSettings:
    """The section ``[autoload]`` of ``rxkernel.toml``."""

    mode: str | None = attrs.field(default=None, validator=_MODE)
    """With a mode, ``config/<name>.<mode>.py`` replaces ``config/<name>.py``. By default, the mode
    is the environment variable MODE."""

    reload: bool | None = attrs.field(default=None, validator=SWITCH.or_none())
    """Whether changed files are loaded while the application runs; by default, if ``debug`` is
    set."""

    load_timeout: float = attrs.field(default=30.0, validator=SECONDS)
    """Seconds within which one file must be executed."""

    start_timeout: float = attrs.field(default=30.0, validator=SECONDS)
    """Seconds within which one ``start`` or ``async def migrate`` must end."""

    stop_timeout: float = attrs.field(default=10.0, validator=SECONDS)
    """Seconds within which one ``stop`` hook must end."""

    setup_file: Path | None = attrs.field(default=None, validator=FILE.or_none())
    """The SQLite file with the results of the scripts of ``setup``; by default,
    ``var/setup.sqlite3`` in the folder above the root."""

    file_limit: int = attrs.field(default=1_048_576, validator=SIZE)
    """The maximum of bytes of a file that is executed."""

    resources_limit: int = attrs.field(default=67_108_864, validator=SIZE)
    """The maximum of bytes of all files of ``resources``, which are kept in memory."""
