"""The folder of revisions: files of Alembic that follow each other."""

import warnings
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionError

from bundles.resources.migrations.failures import readable
from rxkernel import ConfigurationError

_ENVIRONMENT = Path(__file__).parent / "environment"
_FILE_NAME = "%(year)d%(month).2d%(day).2d_%(hour).2d%(minute).2d_%(rev)s_%(slug)s"


class RevisionFiles:
    """The revisions in *folder*, which need not exist.

    They are a linear sequence: each revision follows one other, so that every database has the
        same
    history.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def config(self, options: Mapping[str, Any], output: TextIO | None = None) -> Config:
        """Return the configuration of an Alembic command, with the *options* of its
        environment."""
        quiet = Namespace(quiet=True)
        config = Config(
            output_buffer=output, cmd_opts=quiet, attributes={"options": dict(options)}
        )
        settings = {
            "script_location": str(_ENVIRONMENT),
            "version_locations": str(self.folder.absolute()),
            "path_separator": "newline",
            "file_template": _FILE_NAME,
            "timezone": "UTC",
        }
        for name, value in settings.items():
            config.set_main_option(name, value.replace("%", "%%"))
        return config

    def newest_first(self) -> list[Script]:
        """Read all revisions.

        Raises:
            ConfigurationError: a file cannot be read, or two revisions follow the same one.
        """
        directory = ScriptDirectory.from_config(self.config({}))
        try:
            with readable(self.folder), warnings.catch_warnings():
                warnings.simplefilter("error", UserWarning)
                heads = directory.get_heads()
        except (AttributeError, RevisionError, UserWarning) as exc:
            raise ConfigurationError(
                f"the revisions in {self.folder} cannot be read: {exc}"
            ) from exc
        if len(heads) > 1:
            raise ConfigurationError(_two_heads(directory, heads[0], heads[1]))
        return list(directory.walk_revisions())


def _two_heads(directory: ScriptDirectory, one: str, other: str) -> str:
    """Return the error for revisions that two developers have written in parallel."""
    first = _script(directory, other)
    while isinstance(first.down_revision, str):
        previous = _script(directory, first.down_revision)
        if previous.is_branch_point:
            break
        first = previous
    return (
        f"two revisions are the newest: {one} ({Path(_script(directory, one).path).name}) and "
        f"{other} ({Path(_script(directory, other).path).name}); one must follow the other: write "
        f"down_revision = {one!r} in {Path(first.path).name}"
    )


def _script(directory: ScriptDirectory, revision: str) -> Script:
    script = directory.get_revision(revision)
    assert script is not None  # the name came from the directory
    return script
