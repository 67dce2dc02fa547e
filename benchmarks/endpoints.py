"""The boot of an application from a directory with many endpoints."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent
from time import perf_counter, process_time

from benchmarks.report import Table
from bundles.autoload import AutoloadBundle
from bundles.contracts import ContractsBundle
from rxkernel import Application

_UNITS = 40

_FILES: Mapping[str, str] = {
    "fields": """
        from bundles.contracts import DomainError

        access = "public"
        parameters = {"city_id": "number", "lang?": "string"}
        returns = {"name": "string", "area": "number"}
        timeout = 3

        async def method(city_id, lang):
            if city_id != 1:
                return DomainError(404, "Not found")
            return {"name": "Rome", "area": 1285}
        """,
    "a typed signature": """
        import attrs

        access = "public"

        @attrs.frozen
        class City:
            name: str
            area: float

        async def method(city_id: int, lang: str = "en") -> City:
            return City("Rome", 1285)
        """,
}


async def endpoints(count: int = 1000) -> Table:
    """Measure the boot of *count* endpoints, each a file."""
    table = Table(
        "Endpoints",
        {"files with": "", "endpoints": ",", "routes": ",", "boot, s": ".2f", "CPU, s": ".2f"},
        "Boot executes the files and compiles two routes over HTTP and two events for each. The "
        "goal is 2 s for 1,000 endpoints.",
    )
    for kind, text in _FILES.items():
        with TemporaryDirectory() as folder:
            root = Path(folder, "application")
            for number in range(count):
                unit = root / "api" / f"unit{number % _UNITS}"
                unit.mkdir(parents=True, exist_ok=True)
                (unit / f"method{number}.py").write_text(dedent(text))
            application = Application(bundles=[ContractsBundle, AutoloadBundle(root)])
            begin, processor = perf_counter(), process_time()
            async with application:
                booted, used = perf_counter() - begin, process_time() - processor
                routes = len(application.kernel.compiled.all)
        table.add(kind, count, routes, booted, used)
    return table
