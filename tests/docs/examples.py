"""Runs the examples of README and docs from top to bottom, as a reader would run them.

Every fenced block has a language that `_RUNNERS` knows; any other fails.

python          Executed, with ``await`` at the top level, in one namespace and one loop per page.
                A block whose first line is ``# name.ext`` is a file instead: it is written, a
                module is imported, and ``test_….py`` is run by pytest. With the first line
                ``# FastAPI`` it uses that library, and only its syntax is checked. With
                ``# project/package/name.ext`` it is a part of that file below docs/examples, and
                the packages of ``project`` can be imported; or of that file of a project that
                commands of the page have created. If there is neither, the file is written.
html            A file, written without its first line, ``<!-- folder/name.html -->``.
console         The commands after ``$ `` are run, and their output is compared. ``serve`` stays in
                the background until the page ends; 127.0.0.1:8000 means its real address. So do
                ``nats-server``, with 127.0.0.1:4222, ``redis-server``, with 127.0.0.1:6379 in
                files, and ``node``, from when it has written the lines below the command.
log             Lines that a program in the background writes, after those of earlier blocks.
bash            Not run: each command, target and option must exist.
javascript      Run in Node; the output of ``console.log`` must equal the comment after it. With
                the first line ``// Impress``, ``// IOServer``, ``// Metarhia`` or
                ``// moleculer-io`` it uses that library: its syntax is checked. With
                ``// name.mjs`` it is a file, which may import the packages of the tests.
typescript      Compiled strictly, with the ``.ts`` files that commands of the page wrote; else as
                javascript.
json, text      Must equal the output of the block before. ``...`` matches any text. A json block
                whose first line is ``# folder/name.json`` is a file, written without this line.
toml            A file of settings, loaded. Its tables may be those of installed bundles.
diagram         A drawing; not checked.
ini, nginx      Files of other programs on a server; tests/docs/test_deployment.py uses them.
dockerfile      The file of an image; tests/docs/test_container.py uses it.

A pytest plugin: the root `conftest.py` names it in ``pytest_plugins``.
"""

import ast
import contextlib
import inspect
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from asyncio import Runner
from collections.abc import Callable, Iterable, Iterator
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from importlib import import_module, invalidate_caches
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from sybil import Document, Example, Region, Sybil
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer

from rxkernel import Application, Bundle
from rxkernel.application.bundle_loading import load
from rxkernel.application.entry_points import installed
from rxkernel.application.settings_sources import load_settings
from rxkernel.cli import main
from tests.bundles.nats_servers import running_nats
from tests.bundles.redis_servers import running_redis
from tests.docs.background import Outputs
from tests.docs.commands import check_command
from tests.required_tools import (
    ROOT,
    require_moleculer,
    require_nats_server,
    require_node,
    require_redis_server,
)
from tests.typescript_compiler import compile_typescript

ADDRESS = "127.0.0.1:8000"
_NATS = "127.0.0.1:4222"
REDIS = "127.0.0.1:6379"
_EXAMPLES = ROOT / "docs" / "examples"
_PATIENCE = 120.0
"""Seconds after which a command is killed: it hangs."""

_FILE = re.compile(r"# ([\w.]+\.(?:py|ini|toml|txt))\n")
_QUOTED = re.compile(r"# ((?:[\w.-]+/)+[\w.]+\.(?:py|toml))\n")
_HTML = re.compile(r"<!-- ((?:[\w.-]+/)*[\w.-]+) -->\n")
_JSON = re.compile(r"# ((?:[\w-]+/)*[\w-]+\.json)\n")
_SCRIPT = re.compile(r"// ([\w-]+\.mjs)\n")
_FOREIGN = "# FastAPI\n"
_FOREIGN_SCRIPTS = ("// Impress\n", "// IOServer\n", "// Metarhia\n", "// moleculer-io\n")
_LOADED = re.compile(r"^.* INFO +bundles\.autoload\.\S+ (.*): loaded in", re.MULTILINE)
_LISTENS = re.compile(r"Listening on http://(\S+)")
_LOGGED = re.compile(r"console\.log\(.*\);?\s*// (.+)")


class Page:
    """The state that the blocks of one page share."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace
        self.directory = Path(tempfile.mkdtemp(prefix="rxkernel-docs-"))
        self.runner = Runner()
        self.servers: list[subprocess.Popen[bytes]] = []
        self.outputs = Outputs()
        self.bus = contextlib.ExitStack()
        self.address = ADDRESS
        self.nats = _NATS
        self.redis = REDIS
        self.printed = ""
        self.projects: set[Path] = set()
        self.has_created = False
        self.unloaded: list[Path] = []

    @classmethod
    def open(cls, namespace: dict[str, Any]) -> None:
        page = cls(namespace)
        namespace.update(__page__=page, __name__="example")
        sys.path.insert(0, str(page.directory))

    @staticmethod
    def close(namespace: dict[str, Any]) -> None:
        page: Page = namespace["__page__"]
        try:
            page.stop()
        finally:
            for folder in (page.directory, *page.projects):
                sys.path.remove(str(folder))
                _forget_modules(folder)
            shutil.rmtree(page.directory)

    def stop(self) -> None:
        """Stop the processes of the page; a server must end with 0."""
        for thing in self.namespace.values():
            if isinstance(thing, Application):
                self.runner.run(thing.stop())
        self.runner.close()
        with self.bus:
            for server in self.servers:
                server.send_signal(signal.SIGTERM)
                code = server.wait(_PATIENCE)
                log = self.directory / "serve.log"
                text = log.read_text(encoding="utf-8") if log.exists() else ""
                assert code == 0, f"{server.args!r} has ended with {code}\n{text}"
        self.outputs.join()

    def python(self, source: str, example: Example) -> None:
        """Run a block, with line numbers as in the page."""
        padded = "\n" * (example.line + example.parsed.line_offset) + source
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code = compile(padded, example.path, "exec", flags, dont_inherit=True)
        if source.startswith(_FOREIGN):
            return
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.chdir(self.directory):
            result = eval(code, self.namespace)
            if inspect.iscoroutine(result):
                self.runner.run(result)
        self.printed = out.getvalue()

    def file(self, name: str, source: str) -> None:
        """Write a file of the reader's project, and check that it works."""
        text = source.replace(_NATS, self.nats).replace(REDIS, self.redis)
        (self.directory / name).write_text(text, encoding="utf-8")
        if name.startswith("test_"):
            self.run(f"python -m pytest -q -o asyncio_mode=auto {name}")
        elif name.endswith(".py") and name != "conftest.py":
            invalidate_caches()
            import_module(name.removesuffix(".py"))

    def quote(self, name: str, source: str) -> None:
        """Check that *source* is a part of the file *name* below docs/examples, or of a project
        that the page has created in its directory."""
        is_ours = (_EXAMPLES / Path(name).parts[0]).exists()
        if not is_ours and not self.has_created:
            self.write(name, source.removeprefix(f"# {name}\n"))
            return
        path = (_EXAMPLES if is_ours else self.directory) / name
        text = path.read_text(encoding="utf-8")
        quoted = source.removeprefix(f"# {name}\n")
        assert quoted in text, f"{name} does not contain what the page quotes:\n{quoted}"
        project = _EXAMPLES / Path(name).parts[0]
        if is_ours and project not in self.projects:
            self.projects.add(project)
            sys.path.insert(0, str(project))

    def write(self, name: str, source: str) -> None:
        """Write a file of the reader's project, which a server with live reload then loads."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
        if name.startswith("application/") and path.suffix in (".py", ".template", ".jinja"):
            self.unloaded.append(path)

    def wait_until_loaded(self) -> None:
        """Return when the server of the page has loaded the files written since its start."""
        log, end = self.directory / "serve.log", time.monotonic() + _PATIENCE
        while self.unloaded and self.servers:
            text = log.read_text(encoding="utf-8")
            assert " ERROR " not in text, text
            loaded = ", ".join(_LOADED.findall(text))
            names = [str(path.relative_to(self.directory)) for path in self.unloaded]
            if all(name in loaded for name in names):
                break
            assert time.monotonic() < end, f"{names} are not loaded:\n{text}"
            time.sleep(0.05)
        self.unloaded.clear()

    def html(self, source: str, _: Example) -> None:
        named = _HTML.match(source)
        assert named is not None, "a block of HTML begins with <!-- folder/name.html -->"
        self.write(named[1], source[named.end() :])

    def console(self, source: str, _: Example) -> None:
        for command, wanted in commands_of(source):
            check_command(command)
            if not command.startswith("python -m rxkernel serve"):
                self.wait_until_loaded()
            if " serve" in command:
                expect(wanted, self.serve(command))
            elif command.startswith("nats-server"):
                self.start_nats()
            elif command.startswith("redis-server"):
                self.start_redis()
            elif command.startswith("node "):
                self.start_node(shlex.split(command)[1:], wanted)
            elif command.startswith("python -m rxkernel") and ">" not in command:
                expect(wanted, self.rxkernel(shlex.split(command)[3:]))
            else:
                expect(wanted, self.run(command, may_fail=bool(wanted)))

    def bash(self, source: str, _: Example) -> None:
        for command in filter(None, source.splitlines()):
            check_command(command)

    def run(self, command: str, *, may_fail: bool = False) -> str:
        """Run *command* in the directory of the page; return its output, or its errors."""
        command = command.replace(ADDRESS, self.address)
        done = run_command(command, self.directory, environment(), may_fail=may_fail)
        return (done.stdout or done.stderr).replace(self.address, ADDRESS)

    def rxkernel(self, arguments: list[str]) -> str:
        """Return the output of a command of rxkernel, run in this process to save time."""
        self.has_created |= arguments[:1] == ["new"]
        ours = {name: None for name in os.environ if name.startswith("RXKERNEL_")}
        with contextlib.chdir(self.directory):
            result = CliRunner(env=ours).invoke(main, arguments, catch_exceptions=False)
        return result.stdout or result.stderr

    def serve(self, command: str) -> str:
        """Start a server in the background, on a free port; return its first line."""
        with (self.directory / "serve.log").open("wb") as log:
            server = subprocess.Popen(
                [sys.executable, *shlex.split(command)[1:]],
                cwd=self.directory,
                env=environment() | {"RXKERNEL_HTTP_PORT": "0"},
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self.servers.append(server)
        self.unloaded.clear()
        assert server.stdout is not None
        line = server.stdout.readline().decode()
        self.outputs.follow(server.stdout)
        if listens := _LISTENS.match(line):
            self.address = listens[1]
        return line.replace(self.address, ADDRESS)

    def start_nats(self) -> None:
        """Start a server in the background, on a free port."""
        server = self.bus.enter_context(running_nats(require_nats_server(), self.directory))
        self.nats = f"127.0.0.1:{server.port}"

    def start_redis(self) -> None:
        """Start a server in the background, on a free port."""
        server = self.bus.enter_context(running_redis(require_redis_server(), self.directory))
        self.redis = f"127.0.0.1:{server.port}"

    def start_node(self, arguments: list[str], wanted: str) -> None:
        """Start a script of the page in the background; return when it has written *wanted*."""
        packages = self.directory / "node_modules"
        if not packages.exists():
            packages.symlink_to(ROOT / "node_modules")
        node = subprocess.Popen(
            [require_moleculer(), *arguments],
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert node.stdout is not None
        self.outputs.follow(node.stdout)
        try:
            self.outputs.expect(wanted, _PATIENCE)
        except BaseException:
            node.kill()
            node.wait()
            raise
        self.servers.append(node)

    def log(self, source: str, _: Example) -> None:
        self.outputs.expect(source, _PATIENCE)

    def javascript(self, source: str, _: Example) -> None:
        if named := _SCRIPT.match(source):
            text = source.replace(_NATS, self.nats)
            (self.directory / named[1]).write_text(text, encoding="utf-8")
            return
        if source.startswith(_FOREIGN_SCRIPTS):
            (self.directory / "foreign.mjs").write_text(source, encoding="utf-8")
            self.run(f"{shlex.quote(str(require_node()))} --check foreign.mjs")
            return
        code = source.replace(ADDRESS, self.address)
        self.node(source, ["--input-type=module", "-"], code)

    def typescript(self, source: str, _: Example) -> None:
        code = source.replace(ADDRESS, self.address)
        (self.directory / "example.ts").write_text(code, encoding="utf-8")
        self.node(source, [str(compile_typescript(self.directory) / "example.js")])

    def node(self, source: str, arguments: list[str], code: str = "") -> None:
        assert self.servers, "start a server on this page first"
        done = subprocess.run(
            [require_node(), *arguments],
            cwd=ROOT,
            input=code,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        expect("\n".join(_LOGGED.findall(source)), done.stdout)

    def json(self, source: str, _: Example) -> None:
        if named := _JSON.match(source):
            content = source[named.end() :]
            json.loads(content)
            path = self.directory / named[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
            return
        assert json.loads(self.printed) == json.loads(source)

    def text(self, source: str, _: Example) -> None:
        expect(source, self.printed)

    def toml(self, source: str, _: Example) -> None:
        name = "pyproject.toml" if "[tool.rxkernel" in source else "rxkernel.toml"
        with tempfile.TemporaryDirectory() as directory:
            (Path(directory) / name).write_text(source, encoding="utf-8")
            named = [load(name) for name in tomllib.loads(source) if name in installed()]
            bundles = [b for b in (*named, *self.namespace.values()) if _has_settings(b)]
            sections = {bundle.name: bundle.settings_class for bundle in bundles}
            load_settings(directory=Path(directory), environment={}, sections=sections)


_RUNNERS: dict[str, Callable[[Page, str, Example], None]] = {
    "python": Page.python,
    "console": Page.console,
    "bash": Page.bash,
    "javascript": Page.javascript,
    "typescript": Page.typescript,
    "html": Page.html,
    "json": Page.json,
    "text": Page.text,
    "log": Page.log,
    "toml": Page.toml,
    "diagram": lambda page, source, example: None,
    "ini": lambda page, source, example: None,
    "nginx": lambda page, source, example: None,
    "dockerfile": lambda page, source, example: None,
}


def parse(document: Document) -> Iterable[Region]:
    """Yield every fenced block of a page."""
    for region in FencedCodeBlockLexer(r"[^\n]*")(document):
        region.parsed = region.lexemes["source"]
        region.evaluator = _evaluate
        yield region


def _evaluate(example: Example) -> None:
    page: Page = example.namespace["__page__"]
    language, source = example.region.lexemes["language"], str(example.parsed)
    quoted, named = _QUOTED.match(source), _FILE.match(source)
    if quoted:
        page.quote(quoted[1], source)
        return
    if named:
        page.file(named[1], source)
    if not named or language == "toml":
        assert language in _RUNNERS, f"no example in {language!r}: use {', '.join(_RUNNERS)}"
        _RUNNERS[language](page, source, example)


def expect(wanted: str, got: str) -> None:
    """Compare without white space; ``...`` in *wanted* matches any text."""
    flags = ELLIPSIS | NORMALIZE_WHITESPACE
    same = OutputChecker().check_output(wanted.strip(), got.strip(), flags)
    assert same, f"the page says:\n{wanted}\nbut it is:\n{got}"


def commands_of(source: str) -> Iterator[tuple[str, str]]:
    """Yield each command with its output; a backslash at the end continues a command."""
    for part in re.split(r"^\$ ", source, flags=re.MULTILINE)[1:]:
        command, _, output = part.replace("\\\n", "").partition("\n")
        yield command, output


def run_command(
    command: str, folder: Path, environment: dict[str, str], *, may_fail: bool
) -> subprocess.CompletedProcess[str]:
    """Run *command* in *folder*."""
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    assert may_fail or done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done


def environment() -> dict[str, str]:
    """Return the variables of this process without settings. This Python is the first in PATH;
    pytest loads the plugins of ``rxkernel[test]`` only."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RXKERNEL_", "PYTEST_"))}
    return kept | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_PLUGINS": "pytest_asyncio.plugin",
    }


def _forget_modules(folder: Path) -> None:
    for name, module in tuple(sys.modules.items()):
        if Path(getattr(module, "__file__", None) or "/").is_relative_to(folder):
            del sys.modules[name]


def _has_settings(thing: object) -> bool:
    return (
        isinstance(thing, type) and issubclass(thing, Bundle) and thing.settings_class is not None
    )


pytest_collect_file = Sybil(
    [parse],
    path=str(ROOT),
    patterns=["README.md", "benchmarks/README.md", "docs/*.md", "docs/*/*.md"],
    excludes=["docs/examples/*", "docs/tutorial/*"],
    setup=Page.open,
    teardown=Page.close,
).pytest()
