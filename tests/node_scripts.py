"""Runs scripts with Node."""

import asyncio
import json
from pathlib import Path
from typing import Any


async def report_of(node: Path, script: Path, *arguments: str, patience: float) -> Any:
    """Return the JSON that *script* prints. After *patience* seconds, the process is killed and
    the test fails."""
    process = await asyncio.create_subprocess_exec(
        node,
        script,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(patience):
            printed, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, f"{script.name}: {errors.decode()}{printed.decode()}"
    return json.loads(printed)
