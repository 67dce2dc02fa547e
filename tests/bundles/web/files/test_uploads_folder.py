"""The setting ``web.uploads``."""

from pathlib import Path

import pytest

from bundles.web.files.uploads_folder import uploads_folder
from rxkernel import ConfigurationError


@pytest.mark.parametrize("setting", ["files", "a/b", "../elsewhere", "apps", "{absolute}"])
def test_uploads_folder_of_its_own_is_accepted(tmp_path: Path, setting: str) -> None:
    root = tmp_path / "application"
    setting = setting.format(absolute=tmp_path / "absolute")

    assert uploads_folder(root, Path(setting)) == (root / setting).resolve()


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ("app", "is in app"),
        ("app/files", "is in app"),
        ("x/../app/files", "is in app"),
        ("static", "is in static"),
        ("config", "is in config"),
        ("cert/x", "is in cert"),
        ("linked", "is in app"),
        (".", "contains the application"),
        ("..", "contains the application"),
        ("/", "contains the application"),
    ],
)
def test_uploads_folder_that_is_served_or_loaded_is_reported(
    tmp_path: Path, setting: str, problem: str
) -> None:
    root = tmp_path / "application"
    (root / "app").mkdir(parents=True)
    (root / "linked").symlink_to(root / "app")

    with pytest.raises(ConfigurationError, match=f"which {problem}"):
        uploads_folder(root, Path(setting))
