"""Checks that a command of the documentation exists, without running it."""

import re
import shlex
from configparser import ConfigParser

import click

from rxkernel.cli import main
from tests.required_tools import ROOT

_OTHERS = {
    *(
        ".",
        "cd",
        "curl",
        "export",
        "docker",
        "git",
        "kill",
        "mkdir",
        "nats-server",
        "node",
        "npm",
        "openssl",
        "redis-server",
    ),
    "pytest",
}
_ADMINISTRATION = {
    *("apt-get", "certbot", "chgrp", "chmod", "install", "journalctl", "ln", "nginx", "systemctl"),
    "useradd",
}
"""Those of the pages deployment.md and nginx.md, which tests/docs/test_deployment.py runs."""


def check_command(line: str) -> None:
    """Fail unless the program of *line* is known, with its target, command and options."""
    words = [word for word in shlex.split(line, comments=True) if not _is_variable(word)]
    if words and words[0].startswith("/opt/"):  # a program of a virtual environment
        words[0] = words[0].rpartition("/")[2]
    match words:
        case ["python", "-m", "rxkernel", *arguments]:
            _check_rxkernel(arguments)
        case ["make", *targets]:
            _check_make(targets)
        case ["pip", "install", *requirements] | ["python", "-m", "pip", "install", *requirements]:
            _check_extras(requirements)
        case ["python", "-c", _, *_]:
            pass
        case ["python" | "python3", "-m", "pytest" | "venv" | "http.server", *_]:
            pass
        case ["python", script, *_] if script.endswith(".py"):
            pass
        case ["python", "-m", "pip", "wheel", *_]:
            pass
        case [program, *_]:
            assert program in _OTHERS | _ADMINISTRATION, (
                f"{line!r}: {program!r} is not allowed in the documentation"
            )


def _is_variable(word: str) -> bool:
    return re.match(r"[A-Z_]+=", word) is not None


def _check_rxkernel(arguments: list[str]) -> None:
    """Parse the arguments with click, which raises a `click.UsageError` for unknown ones.

    After ``--app`` there may be the command of a bundle, which only that application has.
    """
    if arguments[:1] == ["--app"]:
        return
    context = click.Context(main)
    name, command, rest = main.resolve_command(context, arguments)
    assert command is not None
    command.make_context(name, rest, parent=context).close()


def _check_make(targets: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make knows no {target!r}"


def _check_extras(requirements: list[str]) -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    for requirement in requirements:
        own = re.match(r"(?:\.|(?:\.\./)?rxkernel)\[([\w,]+)\]", requirement)
        for extra in own[1].split(",") if own else ():
            assert extra in setup["options.extras_require"], f"no extra {extra!r}"
