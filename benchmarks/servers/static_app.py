"""aiohttp's handler of static files: ``python -m benchmarks.servers.static_app FOLDER PORT``."""

import sys

import uvloop
from aiohttp import web


def main(folder: str, port: int) -> None:
    application = web.Application()
    application.router.add_static("/", folder)
    web.run_app(
        application,
        host="127.0.0.1",
        port=port,
        access_log=None,
        print=None,
        loop=uvloop.new_event_loop(),
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
