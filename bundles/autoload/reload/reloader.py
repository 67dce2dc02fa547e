"""One change of files: from the next snapshot to the messages that read it."""

import asyncio
import logging
import time
from collections.abc import Iterable
from contextvars import copy_context

from bundles.autoload.autoload import Autoload
from bundles.autoload.endpoints.publishing import Endpoints
from bundles.autoload.loading.build import Build
from bundles.autoload.loading.dependencies import changed_keys
from bundles.autoload.loading.tree import Tree
from bundles.autoload.reload.retirement import Retirement
from rxkernel import Application, ConfigurationError, RxKernelError

logger = logging.getLogger(__name__)

_SHOWN = 5
"""Most names of files in one line of the log."""


class Reloader:
    """Loads what has changed beside the running code, and swaps both with the routes.

    Attributes:
        problems: why the files are not those that run; empty if they are.
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
        self._lock = asyncio.Lock()
        self._is_closed = False
        self._context = copy_context()

    async def reload(self, changed: Iterable[str] = ()) -> bool:
        """Load the files that have changed; *changed* are read even if they look like before.

        After an error, which is logged, everything is as it was. Returns whether messages read
        another snapshot now.

        Raises:
            RxKernelError: the application stops.
        """
        async with self._lock:
            if self._is_closed:
                raise RxKernelError("the application stops, so no file is loaded")
            # Hooks, and the tasks that they start, must not have the message of the caller.
            context = self._context.copy()
            return await asyncio.create_task(self._reload(changed), context=context)

    async def close(self) -> None:
        """Load nothing any more; wait for the change that is being loaded."""
        self._is_closed = True
        async with self._lock:
            pass

    async def _reload(self, changed: Iterable[str]) -> bool:
        begin = time.perf_counter()
        try:
            build = await self._autoload.build(changed)
            if build is not None:
                await self._swap(build)
        except ConfigurationError as exc:
            self._report(exc.problems)
            return False
        if build is not None:
            seconds = time.perf_counter() - begin
            logger.info("%s: loaded in %.0f ms", _shown(build.changed), 1000 * seconds)
        elif self.problems:
            logger.info("the files of %s are those that run, again", self._autoload.root)
        self.problems, self._failed = (), None
        return build is not None

    async def _swap(self, build: Build) -> None:
        """Let messages read *build*, with its routes; if that fails, undo it."""
        is_swapped = False

        def swap() -> None:
            nonlocal is_swapped
            is_swapped = True
            self._endpoints.replace(routes, previous)
            self._autoload.commit(build)
            self._retirement.begin(build)

        try:
            previous = self._autoload.snapshot
            routes = self._endpoints.routes_of(build.snapshot)
            added, removed = routes.changes_since(self._endpoints.routes)
            await self._application.reload(add=added, remove=removed, when_swapped=swap)
        except BaseException:
            if not is_swapped:
                await self._autoload.discard(build)
            raise

    def _report(self, problems: tuple[str, ...]) -> None:
        """Log *problems* once for each change."""
        tree, failed = self._autoload.scanned, self._failed
        is_same = tree and failed and not changed_keys(failed, tree) and problems == self.problems
        self.problems, self._failed = problems, tree
        if not is_same:
            logger.error(
                "the changed files are not loaded, the version before runs on:\n%s",
                "\n".join(f"- {problem}" for problem in problems),
            )


def _shown(keys: frozenset[str]) -> str:
    names = sorted(keys)
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
