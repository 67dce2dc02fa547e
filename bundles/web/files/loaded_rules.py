"""Compares the access files on the disk with the loaded ones, whose rules are enforced."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from time import monotonic

import attrs

from bundles.autoload.loading.source_file import digest_of
from bundles.web.directories.handler_file_names import ACCESS
from bundles.web.directory_paths import above, upwards
from rxkernel import ServiceUnavailableException

logger = logging.getLogger(__name__)

_INTERVAL = 1.0
"""Seconds for which a folder is not compared again."""

_LIMIT = 1_048_576
"""Most bytes of an access file that are read."""


@attrs.define(eq=False)
class LoadedRules:
    """Files are read from the disk at each request, but their rules come from the last reload. So
    the files of a folder are not sent while its access file, or one above, has not been loaded.

    Attributes:
        root: the folder ``app``.
        digests: of the loaded access files, by folder, relative to the root.
    """

    root: Path
    _digests: Mapping[str, bytes] = attrs.field(factory=dict, init=False)
    _checked: dict[str, float] = attrs.field(factory=dict, init=False)
    _logged: set[str] = attrs.field(factory=set, init=False)
    _lock: Lock = attrs.field(factory=Lock, init=False)

    def load(self, digests: Mapping[str, bytes]) -> None:
        """Use *digests* from now on."""
        with self._lock:
            self._digests = digests
            self._checked, self._logged = {}, set()

    def is_checked(self, path: str) -> bool:
        """Whether `check` has just returned for the folder of *path*."""
        return self._checked.get(above(path), 0.0) > monotonic() - _INTERVAL

    def check(self, path: str) -> None:
        """Return if the rules for *path*, relative to the root, are loaded. It blocks.

        Raises:
            ServiceUnavailableException: an access file is not loaded, which is logged once.
        """
        began, checked, digests = monotonic(), self._checked, self._digests
        folder = above(path)
        for each in upwards(folder):
            if not self._is_loaded(each, digests):
                self._log(each)
                raise ServiceUnavailableException
        checked[folder] = began

    def _is_loaded(self, folder: str, digests: Mapping[str, bytes]) -> bool:
        file = self.root / folder / f"{ACCESS}.py"
        try:
            with file.open("rb") as opened:
                content = opened.read(_LIMIT)
        except (FileNotFoundError, NotADirectoryError):
            return not os.path.lexists(file)
        except OSError:
            return False
        return digests.get(folder) == digest_of(content)

    def _log(self, folder: str) -> None:
        with self._lock:
            is_new = folder not in self._logged
            self._logged.add(folder)
        if is_new:
            logger.error(
                "%s is not loaded, so files below it are 503; restart the application, or fix the "
                "problem that its reload has reported",
                self.root / folder / f"{ACCESS}.py",
            )
