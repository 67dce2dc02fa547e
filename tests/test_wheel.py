"""The built wheel is complete, and works in an environment with its dependencies only."""

import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LEFT_OUT = shutil.ignore_patterns(
    *(".git", ".venv", "node_modules", ".peers", "var", "build", "dist", "*.egg-info"),
    *(".hypothesis", ".*_cache", "__pycache__"),
)


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build from a copy, because setuptools writes into the sources, which other tests read."""
    folder = tmp_path_factory.mktemp("dist")
    sources = folder / "sources"
    shutil.copytree(ROOT, sources, ignore=LEFT_OUT)
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, sources, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_contains_package_types_template_and_page_only(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    assert "rxkernel/py.typed" in names
    assert "bundles/apidocs/typescript/runtime.ts" in names
    assert "bundles/resources/migrations/environment/script.py.mako" in names
    template = (ROOT / "rxkernel" / "cli" / "template").rglob("*")
    made = {p for p in template if p.is_file() and "__pycache__" not in p.parts}
    assert {str(p.relative_to(ROOT)) for p in made} <= names
    assert {str(p.relative_to(ROOT)) for p in (ROOT / "rxkernel").rglob("*.py")} <= names
    page = (ROOT / "bundles" / "apidocs" / "static").iterdir()
    assert {str(p.relative_to(ROOT)) for p in page} <= names
    tops = {name.split("/")[0] for name in names}
    assert tops <= {"rxkernel", "bundles", next(t for t in tops if t.endswith(".dist-info"))}
    assert "bundles/__init__.py" not in names


def test_wheel_installed_alone_creates_and_checks_project(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "--python", python)
    run(*pip, "install", "--no-compile", wheel, cwd=tmp_path)

    command = python.with_name("rxkernel")
    run(command, "new", "shop", cwd=tmp_path)
    assert "[" in run(command, "routes", "--json", cwd=tmp_path / "shop")
    run(command, "check", cwd=tmp_path / "shop")
    run(python, "-W", "error", "-m", "rxkernel", "bundles", cwd=tmp_path / "shop")
