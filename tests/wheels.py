"""Builds the wheel of a project and unpacks it into a folder, without a network."""

import os
import subprocess
import sys
from pathlib import Path

_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


def run(*command: str | Path, cwd: Path, path: Path | None = None) -> str:
    """What *command* prints; modules are looked for in *path* too. It fails on another exit
    code than 0."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RXKERNEL_", "PYTEST_"))}
    if path is not None:
        kept["PYTHONPATH"] = str(path)
    done = subprocess.run(
        command, cwd=cwd, env=kept, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build_wheel(project: Path, folder: Path) -> Path:
    """The wheel of *project*, in *folder*; setuptools of this environment builds it."""
    build = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, project)
    run(*_PIP, *build, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, site: Path) -> None:
    """Install *wheel* into the folder *site*, which is put on the path of those who want it."""
    run(*_PIP, "install", "--no-deps", "--no-index", "--target", site, wheel, cwd=site.parent)
