"""Metacom: ``python -m rxkernel serve benchmarks.servers.metacom_app:create``."""

from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent

import attrs

from benchmarks.servers.raised_limits import RAISED_LIMITS
from bundles.autoload import AutoloadBundle
from bundles.contracts import ContractsBundle
from bundles.metacom import MetacomBundle, MetacomSettings
from rxkernel import Application

_FILES = {
    "add.py": """
        access = "public"
        parameters = {"a": "number", "b": "number"}
        returns = "number"

        async def method(a, b):
            return a + b
        """,
    "collect.py": """
        import gc

        access = "public"

        async def method() -> int:
            return gc.collect()
        """,
}
"""The endpoints of the unit ``example``; `impress_app.cjs` has the first one too."""

_ROOT = TemporaryDirectory(prefix="metacom-")


def create() -> Application:
    unit = Path(_ROOT.name) / "api" / "example"
    unit.mkdir(parents=True, exist_ok=True)
    for name, text in _FILES.items():
        (unit / name).write_text(dedent(text))
    settings = attrs.evolve(RAISED_LIMITS, bundles={"metacom": MetacomSettings(max_rate=1e6)})
    return Application(
        bundles=[ContractsBundle, MetacomBundle, AutoloadBundle(_ROOT.name)], settings=settings
    )
