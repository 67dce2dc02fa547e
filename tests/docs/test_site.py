"""The site of the pages: each link leads somewhere, and each docstring can be shown."""

import subprocess
import sys
from pathlib import Path

from tests.required_tools import ROOT


def test_site_is_built_without_a_warning(tmp_path: Path) -> None:
    """With the builder that resolves all links and writes no pages, to save half of the time."""
    options = ["--quiet", "--fail-on-warning", "--builder", "dummy", "-c", "docs"]
    command = [sys.executable, "-m", "sphinx", *options, ".", str(tmp_path)]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
