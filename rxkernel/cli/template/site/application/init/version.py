"""Runs at each start, after everything else: a handler without a file, and a log line."""

import logging
from typing import Any

from bundles.autoload import application

logger = logging.getLogger(__name__)


async def version(client: Any) -> dict[str, str]:
    return {"version": "0.1.0"}


async def start() -> None:
    application.get("/version.json", version)


async def stop() -> None:
    logger.info("the site stops")
