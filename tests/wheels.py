"""Builds the wheel of a project and unpacks it into a folder, without a network."""

import os
import subprocess
import sys
from pathlib import Path

_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


def run(*command: str | Path, cwd: Path, path: Path | None = None) -> str:
    """Return what *command* prints. It finds modules in *path* too. An exit code other than 0
    fails the test."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RXKERNEL_", "PYTEST_"))}
    if path is not None:
        kept["PYTHONPATH"] = str(path)
    done = subprocess.run(
        command, cwd=cwd, env=kept, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build_wheel(project: Path, folder: Path) -> Path:
    """Build the wheel of *project* into *folder*, with the setuptools of this environment."""
    build = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, project)
    run(*_PIP, *build, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, site: Path) -> None:
    """Install *wheel* into the folder *site*; a test adds it to the path of its processes."""
    run(*_PIP, "install", "--no-deps", "--no-index", "--target", site, wheel, cwd=site.parent)
