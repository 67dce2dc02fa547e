"""A task in the background, from the start hook to the stop hook."""

import asyncio
import logging

from bundles.autoload import domain

logger = logging.getLogger(__name__)
task: asyncio.Task[None]


async def start() -> None:
    global task
    task = asyncio.create_task(report())


async def stop() -> None:
    task.cancel()


async def report() -> None:
    while True:
        await asyncio.sleep(60)
        logger.info("visits: %s", dict(domain.visits.counts))
