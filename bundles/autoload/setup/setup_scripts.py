"""Runs the pending scripts of the place ``setup``."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from weakref import WeakValueDictionary

import attrs

from bundles.autoload.loading.hooks import Hook, HookFailedError, call_hook
from bundles.autoload.loading.load import Load
from bundles.autoload.loading.load_thread import load_files
from bundles.autoload.loading.name_rules import INIT
from bundles.autoload.loading.place_names import CODE_PLACES, SETUP, STARTED_BEFORE_SETUP
from bundles.autoload.loading.source_file import SourceFile
from bundles.autoload.loading.syntax import syntax_problems
from bundles.autoload.loading.tree import Tree
from bundles.autoload.settings import AutoloadSettings
from bundles.autoload.setup.setup_record import Result, SetupRecord
from bundles.autoload.setup.setup_store import SetupStore
from rxkernel import ConfigurationError, ServiceUnavailableException

logger = logging.getLogger(__name__)

_BY_KEY: WeakValueDictionary[tuple[Path, str], SetupStore] = WeakValueDictionary()
"""The stores of the applications of this process, by file and name."""

_POLL = 0.1
"""Seconds between two attempts to get the lock."""


class SetupScripts:
    """Runs each script once, in the order of their paths, in one process at a time.

    A script that is done is not executed again, so its imports may be removed later.

    Args:
        is_check: whether scripts are only logged, see `Application.is_check`.
    """

    def __init__(self, root: Path, settings: AutoloadSettings, *, is_check: bool = False) -> None:
        self._root = root
        self._settings = settings
        self._is_check = is_check
        self._store: SetupStore | None = None

    def forget(self) -> None:
        """Release the name and the file of the records, for other applications of this process."""
        if self._store is not None and _BY_KEY.get(self._store.key) is self._store:
            del _BY_KEY[self._store.key]

    async def run(self, load: Load) -> bool:
        """Run scripts that are new, have changed, have failed or were interrupted; a check only
        logs them. Return whether all scripts are done.

        Raises:
            ConfigurationError: a script has failed, so the following ones do not run; or the file
                of the records cannot be used.
        """
        scripts = scripts_of(load.tree)
        if not scripts:
            return True
        store = self._store = SetupStore(self._root, self._settings)
        _check_owner(store)
        try:
            if self._is_check and not store.exists:
                return _log_waiting(scripts, {}, load.tree)
            async with store:
                before = await store.records()
                if self._is_check:
                    return _log_waiting(scripts, before, load.tree)
                if any(_reason(script, before) for script in scripts):
                    async with _locked(store, load.tree):
                        await self._run_all(scripts, before, store, load)
        except (ServiceUnavailableException, OSError, sqlite3.Error) as exc:
            raise ConfigurationError(
                f"{store} cannot be used: {exc.__cause__ or exc}; the set-up script that has run "
                f"last may run again"
            ) from exc
        return True

    async def _run_all(
        self,
        scripts: list[SourceFile],
        before: Mapping[str, SetupRecord],
        store: SetupStore,
        load: Load,
    ) -> None:
        now = await store.records()
        for script in scripts:
            record = now.get(script.key)
            _raise_failure_of_other_process(script, before.get(script.key), record)
            reason = _reason(script, now)
            if reason is not None:
                logger.info("%s: %s", load.tree.show(script.key), reason)
                await self._run(script, store, load)

    async def _run(self, script: SourceFile, store: SetupStore, load: Load) -> None:
        record = SetupRecord(
            name=script.key,
            digest=script.digest.hex(),
            begun=time.time(),
            result=Result.RUNNING,
        )
        await store.save(record)
        begin = time.perf_counter()
        try:
            await self._call(script, load)
        except (ConfigurationError, HookFailedError) as exc:
            seconds = time.perf_counter() - begin
            failed = attrs.evolve(record, result=Result.FAILED, seconds=seconds, error=str(exc))
            await store.save(failed)
            problems = exc.problems if isinstance(exc, ConfigurationError) else (str(exc),)
            raise ConfigurationError(*problems) from exc.__cause__
        seconds = time.perf_counter() - begin
        await store.save(attrs.evolve(record, result=Result.DONE, seconds=seconds))
        logger.info("%s: done in %.2f s", load.tree.show(script.key), seconds)

    async def _call(self, script: SourceFile, load: Load) -> None:
        """Execute the file, and call its function, without a time limit."""
        await load_files(load, [script.key], self._settings.load_timeout)
        if load.problems:
            raise ConfigurationError(*load.problems)
        file = load.files[script.key]
        load.starting = script.key
        try:
            await call_hook(Hook("setup", file.value, file), load.tree, None)
        finally:
            load.starting = None


def scripts_of(tree: Tree) -> list[SourceFile]:
    """Return the scripts of *tree* in the order of their execution, that of their paths."""
    files = (file for file in tree.files.values() if file.place == SETUP and file.stem != INIT)
    return sorted(files, key=lambda file: file.key)


def _check_owner(store: SetupStore) -> None:
    """Check that applications of this process do not share records.

    Raises:
        ConfigurationError: another application of this process has the same name and file.
    """
    other = _BY_KEY.setdefault(store.key, store)
    if other.root != store.root:
        raise ConfigurationError(
            f"the folders {other.root} and {store.root} have the same name, and their set-up "
            f"scripts the same file of records, {store}; set autoload.setup_file to another file "
            f"for one of them"
        )


def _reason(script: SourceFile, records: Mapping[str, SetupRecord]) -> str | None:
    """Return the log line for a script that must run; None if it is done."""
    record = records.get(script.key)
    if record is None:
        return "runs for the first time"
    why = record.why_again(script.digest.hex())
    return None if why is None else f"runs again: {why}"


def _log_waiting(
    scripts: list[SourceFile], records: Mapping[str, SetupRecord], tree: Tree
) -> bool:
    """Log the scripts that will run at the next start. Return False if there are any.

    Raises:
        ConfigurationError: lists the syntax errors of scripts.
    """
    waiting = {script.key: reason for script in scripts if (reason := _reason(script, records))}
    for key, reason in waiting.items():
        logger.warning("%s: %s at the next start", tree.show(key), reason)
    if waiting:
        places = " and ".join(p for p in CODE_PLACES if p not in STARTED_BEFORE_SETUP)
        logger.warning(
            "a check runs neither set-up scripts nor the start hooks of %s after them", places
        )
    if problems := [*syntax_problems(tree, SETUP)]:
        raise ConfigurationError(*problems)
    return not waiting


def _raise_failure_of_other_process(
    script: SourceFile, before: SetupRecord | None, record: SetupRecord | None
) -> None:
    """Raise the error of the process that had the lock, since the workers of one start run a
    script only once."""
    if record is None or record == before or record.result is not Result.FAILED:
        return
    if record.digest == script.digest.hex():
        raise ConfigurationError(f"{record.error} (in another process, at {record.time})")


@asynccontextmanager
async def _locked(store: SetupStore, tree: Tree) -> AsyncIterator[None]:
    is_first = True
    while not await store.lock.acquire():
        if is_first:
            is_first = False
            logger.info("waits for the process that runs the scripts of %s", tree.show(SETUP))
        await asyncio.sleep(_POLL)
    try:
        yield
    finally:
        await store.lock.release()
