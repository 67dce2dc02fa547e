"""``serve --reload``: restarts the serving process when a source file changes."""

import asyncio
import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec

import click

from rxkernel.cli.hangup import on_hangup
from rxkernel.cli.signals import StopRequest
from rxkernel.cli.watched_files import WatchedFiles
from rxkernel.cli.workers.children import Child, Children
from rxkernel.exceptions import ConfigurationError

logger = logging.getLogger(__name__)


async def serve_and_reload(arguments: Sequence[str], watched: WatchedFiles) -> None:
    """Run a child with *arguments*, and restart it after each change of *watched*, until a stop.
    It gets each SIGHUP that this process gets.

    If a child ends by itself, for example because of an invalid setting, the next one starts
    after the next change. The port that ``--port 0`` has selected is kept.

    Raises:
        ConfigurationError: watchfiles is not installed.
    """
    if find_spec("watchfiles") is None:
        raise ConfigurationError(
            "--reload needs watchfiles; in the clone of rxkernel: pip install '.[reload]'"
        )
    children = Children()
    done = asyncio.Event()
    with (
        StopRequest(before_force=children.kill) as stop,
        on_hangup(children.hang_up, terminal_closed=stop.ask),
    ):
        stopping = asyncio.create_task(stop.wait())
        changes = watched.changes(done)
        changed = asyncio.create_task(changes.__anext__())
        await asyncio.sleep(0)  # starts watching before the child reads its first file
        try:
            while not stopping.done():
                child = await children.start(arguments)
                following = asyncio.create_task(_follow(child, children, watched))
                await asyncio.wait((stopping, changed), return_when=asyncio.FIRST_COMPLETED)
                child.stop()
                arguments = _with_port(arguments, await following)
                if not stopping.done():
                    logger.info("%s changed: restarting", ", ".join(changed.result()))
                    changed = asyncio.create_task(changes.__anext__())
        finally:
            stopping.cancel()
            done.set()
            with suppress(StopAsyncIteration):
                await changed


async def _follow(child: Child, children: Children, watched: WatchedFiles) -> str:
    """Print the URLs of *child*, log if it ended by itself, and return its URLs.

    While it listens, *watched* ignores changes that the child loads itself.
    """
    if places := await child.listening():
        click.echo(f"Listening on {places}")
        watched.ignored.update(child.live_directories)
    code = await children.wait(child)
    watched.ignored.clear()
    if not child.stop_requested:
        logger.error("the server ended with code %s; restarting after the next change", code)
    return places


def _with_port(arguments: Sequence[str], places: str) -> Sequence[str]:
    """Replace ``--port 0`` in *arguments* with the port of *places*, ``URL (HTTP…) …``."""
    found = re.match(r"\S+:(\d+) \(HTTP", places)
    options = list(arguments)
    if found is not None and "--port" in options:
        options[options.index("--port") + 1] = found[1]
    return options
