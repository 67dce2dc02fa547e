"""A site that forwards all paths to the server of the environment variable ``UPSTREAM``."""

import atexit
import os
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bundles.autoload import create_application
from rxkernel import Application


def create() -> Application:
    """Return the application; its folder exists until the process ends."""
    stack = ExitStack()
    atexit.register(stack.close)
    root = Path(stack.enter_context(TemporaryDirectory())) / "application"
    (root / "app").mkdir(parents=True)
    (root / "config").mkdir()
    rule = {"url": "/(.*)", "target": f"{os.environ['UPSTREAM']}/[1]"}
    (root / "config" / "routes.py").write_text(f"routes = [{rule!r}]\n")
    application = create_application(root)
    application.load_settings({"http.port": 0})
    return application
