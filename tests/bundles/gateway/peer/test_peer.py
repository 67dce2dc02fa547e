"""The same script of ``socket.io-client`` against moleculer-io on Node and against the bundle.

The transcripts are equal, but for `DIFFERENCES`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.bundles.gateway.peer.differences import DIFFERENCES
from tests.bundles.gateway.peer.site import application
from tests.node_scripts import report_of
from tests.serving import serving

pytestmark = pytest.mark.node

PATIENCE = 60
"""The time limit of a script, in seconds."""

FOLDER = Path(__file__).parent
LISTENING = "Listening on "


@asynccontextmanager
async def moleculer_io_serving(node: Path) -> AsyncIterator[str]:
    """The URL of moleculer-io."""
    process = await asyncio.create_subprocess_exec(
        node, FOLDER / "server.mjs", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            line = (await process.stdout.readline()).decode()
        assert line.startswith(LISTENING), line
        yield line.removeprefix(LISTENING).strip()
    finally:
        process.kill()
        await process.wait()


async def transcript_of(node: Path, url: str) -> dict[str, Any]:
    """The lines of the transcript, by their step."""
    lines = await report_of(node, FOLDER / "transcript.mjs", url, patience=PATIENCE)
    steps = {line.pop("step"): line for line in lines}
    assert len(steps) == len(lines), "two steps have the same name"
    return steps


async def test_transcript_of_gateway_differs_from_moleculer_io_only_where_listed(
    moleculer_io: Path,
) -> None:
    async with moleculer_io_serving(moleculer_io) as url:
        theirs = await transcript_of(moleculer_io, url)
    async with serving(application()) as running:
        own = await transcript_of(moleculer_io, str(running.servers["socketio"].url))

    listed = {step: {**theirs[step], **difference.own} for step, difference in DIFFERENCES.items()}
    assert own == {**theirs, **listed}
    assert [step for step in listed if listed[step] == theirs[step]] == []
