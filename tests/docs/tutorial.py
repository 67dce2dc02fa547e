"""A reader of docs/tutorial, who follows the pages in their order and in one folder.

Each fenced block is a step:

bash            Installs something. The command must exist; the environment of the tests has it.
console         The commands after ``$ `` are run, and their output is compared. ``serve`` and
                ``redis-server`` stay in the background. A server is stopped where the text before
                the block says "Ctrl-C"; another one beside it must fail.
diff            A mistake. It is made in the folder, and undone after the next block of commands.
any other       A file, named in the first line: ``# name``, ``// name`` or ``<!-- name -->``. With
                ``# name, at the end`` the block is added to the file, with
                ``# name, in place of NAME`` it replaces the definition of NAME.
"""

import re
import shlex
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import attrs

from tests.bundles.redis_servers import running_redis
from tests.cli.processes import Process, until
from tests.docs.commands import check_command
from tests.docs.examples import ADDRESS, REDIS, commands_of, environment, expect, run_command
from tests.ports import reserved_port
from tests.required_tools import ROOT, require_redis_server

TUTORIAL = ROOT / "docs" / "tutorial"

_BLOCK = re.compile(r"(.*?)^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"(?:#|//|<!--) ([\w./]+\.\w+)(?:, (at the end|in place of (\w+)))?(?: -->)?\n")
_ROW = re.compile(r"^\| \[.*\]\((.*)\.md\)", re.MULTILINE)
_CHANGES = re.compile(r"reload: (.*) changed: restarting$", re.MULTILINE)
_WATCHED = (".py", ".toml", ".html", ".js")

PAGES = _ROW.findall((TUTORIAL / "index.md").read_text(encoding="utf-8"))
"""The names of the pages, in their order."""


@attrs.frozen
class Block:
    before: str
    """The text before the block."""
    language: str
    source: str


def blocks_of(page: str) -> Iterator[Block]:
    text = (TUTORIAL / f"{page}.md").read_text(encoding="utf-8")
    for before, language, source in _BLOCK.findall(text):
        yield Block(before, language, source)


class Reader:
    """Follows the tutorial in *folder*, the folder of the reader's project."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._unread = list(PAGES)
        port = stack.enter_context(reserved_port())
        self.address = f"127.0.0.1:{port}"
        self._environment = environment() | {"RXKERNEL_HTTP_PORT": str(port)}
        self._redis = REDIS
        self._server: Process | None = None
        self._changed: set[str] = set()
        """Changed files that make the server restart."""
        self._is_paused = False
        self._log_begin = 0
        self._unsaved: dict[Path, str] = {}
        self._mistaken: tuple[Path, str] | None = None
        """The file with a mistake, and its right text."""

    def read(self, page: str) -> None:
        """Do what *page* says, and the pages before it if they are not done yet."""
        for name in self._unread[: self._unread.index(page) + 1]:
            self._unread.remove(name)
            for block in blocks_of(name):
                self._do(block)
            self._save()

    def close(self) -> None:
        if self._server is not None:
            self._server.kill()

    def _do(self, block: Block) -> None:
        if "Ctrl-C" in block.before and block.language == "console":
            self._save()
            self._stop()
        match block.language:
            case "bash":
                for command in block.source.splitlines():
                    check_command(command)
                    if command.startswith("npm install"):
                        (self._folder / "node_modules").symlink_to(ROOT / "node_modules")
            case "console":
                self._save()
                for command, wanted in commands_of(block.source):
                    self._command(command, wanted)
                self._undo_mistake()
            case "diff":
                self._save()
                self._mistake(block.source)
            case _:
                self._file(block.source)

    # -- files -------------------------------------------------------------------------------

    def _file(self, source: str) -> None:
        named = _FILE.match(source)
        assert named is not None, f"the first line is not the name of a file:\n{source}"
        name, change, definition = named.groups()
        path, text = self._folder / name, source[named.end() :]
        if change is not None:
            former = self._unsaved.get(path) or path.read_text(encoding="utf-8")
            text = (
                f"{former}\n\n{text}" if definition is None else replaced(former, definition, text)
            )
        text = text.replace(ADDRESS, self.address).replace(REDIS, self._redis)
        self._unsaved[path] = text

    def _save(self) -> None:
        """Save all files at once."""
        watched = {path.parent for path in self._unsaved if path.parent.exists()}
        for path, text in self._unsaved.items():
            if path.suffix in _WATCHED:
                self._pause()
                if path.parent in watched:  # files of a new folder do not restart the server
                    self._changed.add(str(path.relative_to(self._folder)))
            path.parent.mkdir(exist_ok=True)
            unnamed = path.with_name(f"{path.name}~")
            unnamed.write_text(text, encoding="utf-8")
            unnamed.replace(path)
        self._unsaved.clear()

    def _mistake(self, difference: str) -> None:
        lines = difference.splitlines()
        right, wrong = (
            "\n".join(line[1:] for line in lines if line[0] in (" ", sign)) for sign in "-+"
        )
        files = [
            path
            for path in (*self._folder.glob("*.py"), *self._folder.glob("*.toml"))
            if right in path.read_text(encoding="utf-8")
        ]
        assert len(files) == 1, f"{len(files)} files contain the lines to replace:\n{difference}"
        text = files[0].read_text(encoding="utf-8")
        assert text.count(right) == 1, f"found more than once:\n{difference}"
        self._mistaken = files[0], text
        self._unsaved[files[0]] = text.replace(right, wrong)
        self._save()

    def _undo_mistake(self) -> None:
        if self._mistaken is not None:
            path, text = self._mistaken
            self._mistaken = None
            self._unsaved[path] = text
            self._save()

    # -- commands ----------------------------------------------------------------------------

    def _command(self, command: str, wanted: str) -> None:
        check_command(command)
        if command.startswith("redis-server"):
            program, folder = require_redis_server(), self._folder.parent
            server = self._stack.enter_context(running_redis(program, folder))
            self._redis = f"127.0.0.1:{server.port}"
        elif " serve" in command and self._server is None and "Error: " not in wanted:
            expect(wanted, self._serve(command))
        else:
            if command.startswith(("curl ", "node ")):
                self.wait_for_server()
            if " db revision " in command:
                self._pause()
            expect(wanted, self._run(command, may_fail=bool(wanted)))

    def _run(self, command: str, *, may_fail: bool) -> str:
        """Return the output of *command*, or its errors."""
        command = command.replace(ADDRESS, self.address)
        done = run_command(command, self._folder, self._environment, may_fail=may_fail)
        is_curl = command.startswith("curl ")  # curl writes its progress to stderr
        output = done.stdout if is_curl else done.stdout or done.stderr
        return output.replace(self.address, ADDRESS)

    # -- the server --------------------------------------------------------------------------

    def _serve(self, command: str) -> str:
        """Start a server in the background; return its first line."""
        variables = [f"{name}={value}" for name, value in self._environment.items()]
        self._server = Process(["env", "-i", *variables, *shlex.split(command)], self._folder)
        self._server.line("^Listening on ")
        return self._server.stdout[0].replace(self.address, ADDRESS)

    def _pause(self) -> None:
        """Stop the server process until `wait_for_server`, so that it sees all changes at once. A
        restart for each change would take long."""
        if self._server is not None and not self._is_paused:
            self._log_begin = len(self._server.stderr)
            self._server.send(signal.SIGSTOP)
            self._is_paused = True

    def wait_for_server(self) -> None:
        """Continue the server process, and return when it runs with all changes."""
        if self._server is not None and self._is_paused:
            self._server.send(signal.SIGCONT)
            until(self._runs_with_changes)
        self._is_paused = False
        self._changed.clear()

    def _runs_with_changes(self) -> bool:
        assert self._server is not None
        log = "\n".join(self._server.stderr[self._log_begin :])
        changes = [change for line in _CHANGES.findall(log) for change in line.split(", ")]
        is_listening = "listening on" in _CHANGES.split(log)[-1]
        return is_listening and self._changed.issubset(changes)

    def _stop(self) -> None:
        assert self._server is not None
        self.wait_for_server()
        self._server.send(signal.SIGINT)
        code = self._server.code()
        assert code == 0, f"the server has ended with {code}: {self._server.stderr}"
        self._server = None


def replaced(text: str, name: str, by: str) -> str:
    """Return *text* with *by* in place of the top-level Python or JavaScript definition *name*."""
    begin = rf"^(?:(?:async )?(?:function|def|class|const) )?{name}\b.*\n"
    rest = r"(?:(?:[ )\]}].*)?\n)*"
    changed, count = re.subn(begin + rest, lambda _: f"{by}\n\n", text, flags=re.MULTILINE)
    assert count == 1, f"{name} is defined {count} times"
    return changed
