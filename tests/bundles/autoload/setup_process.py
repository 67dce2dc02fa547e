"""A process that boots the application of a folder, for tests that kill it:
``python -m … ROOT``."""

import asyncio
import logging
import sys

from bundles.autoload import AutoloadBundle
from bundles.contracts import ContractsBundle
from rxkernel import Application, ConfigurationError


async def main(root: str) -> None:
    application = Application(bundles=[ContractsBundle, AutoloadBundle(root)])
    try:
        async with application:
            say("booted")
    except ConfigurationError as error:
        say(f"failed: {error}")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
    asyncio.run(main(sys.argv[1]))
