"""Performs a reload: builds the next snapshot, and makes messages read it."""

import asyncio
import logging
import time
from collections.abc import Iterable
from contextvars import ContextVar, copy_context
from functools import partial

from bundles.autoload.autoload import Autoload
from bundles.autoload.endpoints.publishing import Endpoints
from bundles.autoload.loading.build import Build
from bundles.autoload.loading.dependencies import changed_keys
from bundles.autoload.loading.place_names import SETUP
from bundles.autoload.loading.tree import Tree
from bundles.autoload.reload.retirement import Retirement
from rxkernel import Application, ConfigurationError, RxKernelError

logger = logging.getLogger(__name__)

_RELOAD: ContextVar[object | None] = ContextVar("autoload_reload", default=None)
"""The reload that has called the running code, such as a start hook."""

_SHOWN = 5
"""The maximum number of file names in one log line."""


class Reloader:
    """Loads changed files while the current version runs, then swaps both together with the
    routes.

    Attributes:
        problems: the errors for which the files are not loaded; empty if they are loaded.
    """

    def __init__(
        self,
        application: Application,
        autoload: Autoload,
        endpoints: Endpoints,
        retirement: Retirement,
    ) -> None:
        self.problems: tuple[str, ...] = ()
        self._application = application
        self._autoload = autoload
        self._endpoints = endpoints
        self._retirement = retirement
        self._failed: Tree | None = None
        self._running: object | None = None
        self._lock = asyncio.Lock()
        self._is_closed = False
        self._context = copy_context()

    async def reload(self, changed: Iterable[str] = (), *, again: bool = False) -> bool:
        """Load changed files. The files *changed* are read even if their size and times are the
        same. Return whether messages read another snapshot now.

        An error is logged, and the application is unchanged. Files that have failed are not
        executed again until one of them has changed, except with *again*.

        Raises:
            RxKernelError: the application is stopping, or a hook of a reload has called this.
        """
        if self._running is not None and _RELOAD.get() is self._running:
            raise RxKernelError(
                "reload() was called by a hook of a reload, which would wait for itself; call it "
                "after that reload"
            )
        async with self._lock:
            if self._is_closed:
                raise RxKernelError("the application is stopping, so no file is loaded")
            if self._autoload.current is None:
                raise RxKernelError("the application is not booted, so no file can be reloaded")
            self._running = object()
            # hooks, and the tasks that they start, must not see the message of the caller
            context = self._context.copy()
            context.run(_RELOAD.set, self._running)
            try:
                return await asyncio.create_task(self._reload(changed, again), context=context)
            finally:
                self._running = None

    async def close(self) -> None:
        """Reject further reloads, and wait for the current one."""
        self._is_closed = True
        async with self._lock:
            pass

    async def _reload(self, changed: Iterable[str], again: bool) -> bool:
        begin = time.perf_counter()
        tree: Tree | None = None
        try:
            tree = await self._autoload.scan(changed)
            if self._has_failed(tree) and not again:
                return False
            build = await self._autoload.build(tree=tree)
            if build is not None:
                await self._swap(build)
        except ConfigurationError as exc:
            self._report(exc.problems, tree)
            return False
        except Exception as exc:
            self.problems, self._failed = (f"{type(exc).__name__}: {exc}",), tree
            raise
        if build is not None:
            _log_changes(build, time.perf_counter() - begin)
        elif self.problems:
            logger.info(
                "the error is fixed: the files of %s are those in use, so nothing was loaded",
                self._autoload.root,
            )
        self.problems, self._failed = (), None
        return build is not None

    async def _swap(self, build: Build) -> None:
        """Make messages read *build*, with its routes; if this fails, undo it."""
        is_swapped = False

        def swap() -> None:
            nonlocal is_swapped
            is_swapped = True
            self._endpoints.replace(routes, previous)
            self._autoload.commit(build)
            self._retirement.begin(build)

        try:
            previous = self._autoload.snapshot
            with build.scope:  # so that schemas find the types of the new modules
                routes = self._endpoints.routes_of(build.snapshot)
                added, removed = routes.changes_since(self._endpoints.routes)
                await self._application.reload(
                    add=added,
                    remove=removed,
                    before_swap=partial(self._autoload.migrate, build),
                    when_swapped=swap,
                )
        except BaseException:
            if not is_swapped:
                await self._autoload.discard(build)
            raise

    def _has_failed(self, tree: Tree) -> bool:
        """Whether the last reload has failed with the same files."""
        failed = self._failed
        return (
            failed is not None
            and not changed_keys(failed, tree)
            and failed.problems == tree.problems
        )

    def _report(self, problems: tuple[str, ...], tree: Tree | None) -> None:
        """Log *problems* of *tree*, once for each change."""
        is_same = tree is not None and self._has_failed(tree) and problems == self.problems
        self.problems, self._failed = problems, tree
        if not is_same:
            for problem in problems:
                logger.error("not loaded, the previous version stays in use: %s", problem)


def _log_changes(build: Build, seconds: float) -> None:
    tree = build.snapshot.tree
    scripts = {key for key in build.changed if key.startswith(f"{SETUP}/")}
    for key in sorted(key for key in scripts if tree.has(key)):
        logger.info("%s: not run by a reload; restart the application to run it", tree.show(key))
    for is_there, what in ((True, "loaded"), (False, "removed")):
        keys = sorted(k for k in build.changed - scripts if tree.has(k) is is_there)
        if keys:
            more = len(keys) - _SHOWN
            names = ", ".join(map(tree.show, keys[:_SHOWN])) + (
                f" and {more} more" if more > 0 else ""
            )
            logger.info("%s: %s in %.0f ms", names, what, 1000 * seconds)
    for name, unit in build.snapshot.api.items():
        before = None if build.previous is None else build.previous.api.get(name)
        if before is not None and before.latest.version > unit.latest.version:
            logger.warning(
                "version %d of the unit %s is removed, so %s/<method> is version %d now, with its "
                "access rules",
                before.latest.version,
                name,
                name,
                unit.latest.version,
            )
