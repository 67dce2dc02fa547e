"""The directory of an application."""

from pathlib import Path

import attrs

from bundles.autoload.loading.place_names import DATA_FOLDERS


@attrs.frozen
class ApplicationFolder:
    """The directory of `AutoloadBundle`, for other bundles that use files in it."""

    path: Path

    def data(self, name: str) -> Path:
        """Return the folder *name* for data: ``files``, ``log`` or ``tmp``. It is created if it is
        missing, with mode 700. Nothing in it is loaded, sent or removed.

        Raises:
            ValueError: *name* is not one of these.
        """
        if name not in DATA_FOLDERS:
            raise ValueError(f"{name!r} is not one of the folders {', '.join(DATA_FOLDERS)}")
        folder = self.path / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder
