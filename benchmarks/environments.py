"""The environments of peers: one virtual environment, or one folder of npm, for each peer.

They are in ``benchmarks/.peers``, and are created again only if their contents change.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from configparser import ConfigParser
from pathlib import Path
from typing import Protocol

import attrs
import click

from benchmarks.processes import ROOT

PEERS = ROOT / "benchmarks" / ".peers"

_PATIENCE = 600.0
"""Seconds for one installation."""

_VERSIONS = """
import importlib.metadata as metadata, json, platform, sys
versions = {name: metadata.version(name) for name in sys.argv[1:]}
print(json.dumps({"Python": platform.python_version(), **versions}))
"""


class NotInstalledError(RuntimeError):
    """A peer cannot be installed here; the message contains the reason."""


class Environment(Protocol):
    def install(self) -> None:
        """Create it, unless it exists.

        Raises:
            NotInstalledError: it could not be created.
        """

    def expand(self, argument: str) -> str:
        """Insert its own paths into one argument of a command."""

    def versions(self) -> dict[str, str]:
        """The compared versions, by name."""


@attrs.frozen
class Interpreter:
    """The environment of the benchmarks themselves, for rxkernel and its baseline."""

    packages: tuple[str, ...]

    def install(self) -> None:
        pass

    def expand(self, argument: str) -> str:
        return argument.replace("{python}", sys.executable)

    def versions(self) -> dict[str, str]:
        return _python_versions(Path(sys.executable), self.packages)


@attrs.frozen
class Venv:
    """A virtual environment; *packages* are those whose versions are reported."""

    name: str
    packages: tuple[str, ...]
    requirements: tuple[str, ...]
    python: str = sys.executable

    @property
    def _folder(self) -> Path:
        return PEERS / self.name

    @property
    def _python(self) -> Path:
        return self._folder / "bin" / "python"

    def install(self) -> None:
        content = "\n".join((self.python, *self.requirements))
        pip = (str(self._python), "-m", "pip", "--disable-pip-version-check", "-q", "install")

        def make() -> None:
            _call((self.python, "-m", "venv", str(self._folder)))
            _call((*pip, *self.requirements))

        _once(self._folder, content, make)

    def expand(self, argument: str) -> str:
        return argument.replace("{python}", str(self._python))

    def versions(self) -> dict[str, str]:
        return _python_versions(self._python, self.packages)


@attrs.frozen
class Npm:
    """A folder with ``node_modules``; *compiles* are TypeScript sources, compiled to ``dist``."""

    name: str
    packages: tuple[str, ...]
    requirements: tuple[str, ...]
    compiles: tuple[Path, ...] = ()

    @property
    def folder(self) -> Path:
        return PEERS / self.name

    def install(self) -> None:
        for tool in ("node", "npm"):
            if shutil.which(tool) is None:
                raise NotInstalledError(f"{tool} is not installed")
        sources = [path.read_text() for path in self.compiles]

        def make() -> None:
            self.folder.mkdir(parents=True)
            (self.folder / "package.json").write_text('{"private": true}\n')
            options = ("--no-audit", "--no-fund", "--silent")
            _call(("npm", "install", *options, *self.requirements), self.folder)
            for path in self.compiles:
                shutil.copy(path, self.folder)
                flags = ("--experimentalDecorators", "--emitDecoratorMetadata", "--skipLibCheck")
                target = ("--target", "es2022", "--module", "commonjs", "--outDir", "dist")
                tsc = ("node", "node_modules/typescript/bin/tsc")
                _call((*tsc, *flags, *target, path.name), self.folder)

        _once(self.folder, "\n".join((*self.requirements, *sources)), make)

    def expand(self, argument: str) -> str:
        return argument.replace("{modules}", str(self.folder))

    def versions(self) -> dict[str, str]:
        node = subprocess.check_output(("node", "--version"), text=True).strip().lstrip("v")
        files = {name: self.folder / "node_modules" / name for name in self.packages}
        manifests = {
            name: json.loads((file / "package.json").read_text()) for name, file in files.items()
        }
        return {"Node": node, **{name: found["version"] for name, found in manifests.items()}}


def requirements_of_rxkernel(*extras: str) -> tuple[str, ...]:
    """The requirements in setup.cfg; rxkernel itself runs from the checkout."""
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg")
    lists = [parser["options"]["install_requires"]]
    lists += [parser["options.extras_require"][extra] for extra in extras]
    return tuple(line for text in lists for line in text.strip().splitlines())


def _once(folder: Path, content: str, make: Callable[[], None]) -> None:
    """Create *folder* with *make*, unless it was created from the same *content* before."""
    stamp = folder / ".installed"
    if stamp.is_file() and stamp.read_text() == content:
        return
    click.echo(f"installing {folder.relative_to(ROOT)}", err=True)
    shutil.rmtree(folder, ignore_errors=True)
    make()
    stamp.write_text(content)


def _call(command: Sequence[str], cwd: Path = ROOT) -> None:
    try:
        done = subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, check=False, timeout=_PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise NotInstalledError(f"{' '.join(command[:3])}: {exc}") from exc
    if done.returncode:
        said = (done.stdout.strip() + "\n" + done.stderr.strip())[-500:]
        raise NotInstalledError(f"{' '.join(command[:5])}: {' '.join(said.split())}")


def _python_versions(python: Path, packages: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = json.loads(
        subprocess.check_output((python, "-c", _VERSIONS, *packages), text=True)
    )
    return found
