"""The folder in which a test runs the command line."""

import os
import sys
from pathlib import Path

import pytest


def enter_project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make *folder* the current directory, and remove the variables with settings. At the end of
    the test, both are restored, and ``sys.path``, to which commands add the folder."""
    for variable in os.environ:
        if variable.startswith("RXKERNEL_"):
            monkeypatch.delenv(variable)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path])
