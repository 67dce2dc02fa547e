"""``rxkernel setup``: lists the set-up scripts, and runs them without serving."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import click

from bundles.autoload.loading.scan import scan
from bundles.autoload.loading.source_file import SourceFile
from bundles.autoload.loading.tree import TreeRules
from bundles.autoload.settings import AutoloadSettings
from bundles.autoload.setup.setup_record import Result, SetupRecord
from bundles.autoload.setup.setup_scripts import scripts_of
from bundles.autoload.setup.setup_store import SetupStore
from rxkernel import Application, Bundle, ConfigurationError
from rxkernel.cli import configure_logging, json_option, print_json, print_table

_HEADS = ("SCRIPT", "STATE", "LAST RUN", "SECONDS", "ERROR")


@attrs.frozen
class Script:
    """One line of the list.

    Attributes:
        state: done, failed or running; new or changed if it runs at the next start.
    """

    name: str
    state: str
    time: str | None = None
    seconds: float | None = None
    error: str | None = None


@click.group("setup")
def setup() -> None:
    """List the scripts of the folder setup, and run them without serving."""


@setup.command("list")
@json_option
@click.pass_obj
def list_scripts(application: Application, as_json: bool) -> None:
    """List the scripts in the order of their execution, with their last run. Nothing is
    executed."""
    scripts = asyncio.run(_scripts(application))
    if as_json:
        print_json([attrs.asdict(script) for script in scripts])
    else:
        print_table(_HEADS, [_row(script) for script in scripts], "No scripts.")


@setup.command("run")
@click.option("--again", metavar="NAME", multiple=True, help="Run this script even if it is done.")
@click.pass_obj
def run_scripts(application: Application, again: tuple[str, ...]) -> None:
    """Boot and stop the application, which runs the pending scripts."""
    configure_logging(application.settings.logging)
    asyncio.run(_run(application, again))


async def _scripts(application: Application) -> list[Script]:
    files, store = _parts_of(application)
    if not files:
        return []
    async with store:
        records = await store.records()
    return [_script(file, records) for file in files]


async def _run(application: Application, again: Sequence[str]) -> None:
    files, store = _parts_of(application)
    names = {file.key: file.key for file in files} | {_short(file.key): file.key for file in files}
    if unknown := [name for name in again if name not in names]:
        known = ", ".join(_short(file.key) for file in files) or "(none)"
        raise ConfigurationError(f"unknown script {unknown[0]!r}; the scripts are: {known}")
    if again:
        async with store:
            for name in again:
                await store.forget(names[name])
    async with application:
        pass


def _parts_of(application: Application) -> tuple[list[SourceFile], SetupStore]:
    """Return the scripts and their records, without booting the application, which would run
    them."""
    settings = application.settings.bundles.get("autoload") or AutoloadSettings()
    assert isinstance(settings, AutoloadSettings)
    root = _root_of(application.bundles)
    rules = TreeRules(settings.mode, settings.file_limit, settings.resources_limit)
    return scripts_of(scan(root, rules)), SetupStore(root, settings)


def _root_of(bundles: Sequence[str | Bundle | type[Bundle]]) -> Path:
    for bundle in bundles:
        root = getattr(bundle, "root", None)
        if getattr(bundle, "name", None) == "autoload" and isinstance(root, Path):
            return root
    return Path("application")


def _script(file: SourceFile, records: Mapping[str, SetupRecord]) -> Script:
    record = records.get(file.key)
    if record is None:
        return Script(_short(file.key), "new")
    is_changed = record.result is Result.DONE and record.digest != file.digest.hex()
    state = "changed" if is_changed else str(record.result)
    return Script(_short(file.key), state, record.time, record.seconds, record.error)


def _short(key: str) -> str:
    """Return the short name of a script: ``001_tables`` for ``setup/001_tables.py``."""
    return key.partition("/")[2].removesuffix(".py")


def _row(script: Script) -> tuple[Any, ...]:
    seconds = "" if script.seconds is None else f"{script.seconds:.2f}"
    return (script.name, script.state, script.time or "never", seconds, script.error or "")
