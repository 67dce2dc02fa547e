"""Runs schemathesis against a served application."""

import asyncio
import sys
from pathlib import Path

from rxkernel import Application


async def run_schemathesis(
    application: Application, folder: Path, examples: int
) -> tuple[int | None, str]:
    """Call *application* by its OpenAPI document; return the exit code and the output."""
    url = application.servers["http"].url
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json"),
        *("--checks", "all", "--max-examples", str(examples), "--seed", "1", "--no-color"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()
