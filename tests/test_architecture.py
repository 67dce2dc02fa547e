"""Imports point one way: app → bundles → rxkernel, and in rxkernel to earlier layers."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from functools import cache
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# A module of a row may import its own row and those before it.
LAYERS = [
    "cpus exception_text exceptions file_stamp headers host_names host_patterns labels namespaces "
    "nearest networks settings",
    "messages",
    "events",
    "routing",
    "kernel",
    "servers",
    "application pytest_plugin",
    "cli __main__",
]
RANK = {f"rxkernel.{unit}": rank for rank, row in enumerate(LAYERS) for unit in row.split()}

# Which other bundles a bundle may import: {"metacom": {"contracts"}}.
ARROWS: dict[str, set[str]] = {
    "apidocs": {"contracts", "security"},
    "autoload": {"contracts", "security", "sessions", "tasks"},
    "gateway": {"redis"},
    "metacom": {"contracts", "security", "sessions"},
    "realtime": {"tasks"},
    "redis_backend": {"redis"},
    "resources": {"contracts", "security", "sessions"},
    "scale": {"redis"},
    "security": {"sessions", "redis"},
    "sessions": {"redis"},
    "state": {"redis"},
    "tasks": {"redis"},
    "web": {"autoload", "contracts", "redis", "security", "sessions", "tasks"},
}

# Support packages of bundles, which every bundle may import. They have no Bundle class.
SUPPORT = {"clock", "fair_queue", "message_bus", "redis_backend", "sqlite"}

# The modules that may import a library; `testing` uses the clients of the libraries.
HOMES = {
    "aiohttp": (
        "bundles.autoload.remote",
        "bundles.metacom.client",
        "bundles.web.proxy",
        "rxkernel.application.testing",
        "rxkernel.servers.aiohttp",
    ),
    "engineio": ("rxkernel.servers.socketio", "rxkernel.application.testing"),
    "socketio": ("rxkernel.servers.socketio", "rxkernel.application.testing"),
}

# Folders of the adapter of aiohttp. A module may import its own folder and those before it.
AIOHTTP_FOLDERS = ["request", "connection", "response", "fast_path"]

# Packages of extras, and those that only tests need: `import rxkernel` must not load them.
# Packages of `compression` and `redis` are missing here: aiohttp and python-socketio load them
# if they are installed.
OPTIONAL = {
    *(
        "aiosqlite",
        "alembic",
        "argon2",
        "bcrypt",
        "cronsim",
        "jinja2",
        "joserfc",
        "jsonschema_rs",
        "limits",
        "nats",
        "pytest",
        "pytest_asyncio",
        "sqlalchemy",
        "uvloop",
    ),
    "watchfiles",
}

OURS = {"app", "bundles", "rxkernel"}
TEMPLATE = ROOT / "rxkernel" / "cli" / "template"


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {
    name_of(path): path
    for top in sorted(OURS)
    for path in sorted((ROOT / top).rglob("*.py"))
    if not path.is_relative_to(TEMPLATE)
}


def imports(path: Path) -> Iterator[str]:
    """Yield the modules that *path* imports: ``from rxkernel.kernel import action`` yields
    ``rxkernel.kernel.action`` if that is a module, else ``rxkernel.kernel``.

    ``import_module("name")`` counts too. It imports a module late, or one that needs an extra, but
    its arrow is the same.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: the import must be absolute"
            module = node.module or ""
            for alias in node.names:
                member = f"{module}.{alias.name}"
                yield member if member in MODULES else module
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            names = [one.value for one in node.args[:1] if isinstance(one, ast.Constant)]
            yield from (name for name in names if isinstance(name, str))


@cache
def graph() -> dict[str, set[str]]:
    """The imports of each module; read in the process that runs the tests of this file only."""
    return {module: set(imports(path)) for module, path in MODULES.items()}


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def layer(module: str) -> int:
    unit = ".".join(module.split(".")[:2])
    assert unit in RANK, f"{unit} has no layer; add it to LAYERS"
    return RANK[unit]


@pytest.mark.parametrize("module", [name for name in MODULES if within(name, "rxkernel")])
def test_rxkernel_imports_its_own_and_earlier_layers(module: str) -> None:
    if module == "rxkernel":
        return  # the root re-exports every layer
    for target in graph()[module]:
        assert not within(target, "app", "bundles"), f"{module} imports {target}"
        assert target != "rxkernel", f"{module} imports rxkernel, which imports {module}"
        if within(target, "rxkernel"):
            assert layer(target) <= layer(module), f"{module} imports {target}, a later layer"


@pytest.mark.parametrize("module", [name for name in MODULES if within(name, "bundles")] or [None])
def test_bundle_imports_the_framework_and_declared_bundles(module: str | None) -> None:
    if module is None:
        return  # no bundle yet
    own = module.split(".")[1]
    allowed = {f"bundles.{other}" for other in {own} | SUPPORT | ARROWS.get(own, set())}
    for target in graph()[module]:
        assert not within(target, "app"), f"{module} imports {target}"
        if within(target, "bundles"):
            assert within(target, *allowed), f"{module} imports {target}; add it to ARROWS"


@pytest.mark.parametrize("library", HOMES)
def test_library_of_adapter_is_imported_in_its_adapter_only(library: str) -> None:
    users = {
        module for module in MODULES if any(within(target, library) for target in graph()[module])
    }
    assert {user for user in users if not within(user, *HOMES[library])} == set()


def test_servers_http_imports_no_library_of_an_adapter() -> None:
    """`servers/http` is shared by the adapters and by `KernelClient`."""
    adapters = ("rxkernel.servers.aiohttp", "rxkernel.servers.socketio", *HOMES)
    semantics = [module for module in MODULES if within(module, "rxkernel.servers.http")]
    assert semantics
    for module in semantics:
        for target in graph()[module]:
            assert not within(target, *adapters), f"{module} imports {target}"


@pytest.mark.parametrize("folder", AIOHTTP_FOLDERS)
def test_folder_of_the_aiohttp_adapter_imports_earlier_ones_only(folder: str) -> None:
    package = "rxkernel.servers.aiohttp"
    earlier = AIOHTTP_FOLDERS[: AIOHTTP_FOLDERS.index(folder) + 1]
    allowed = [f"{package}.{name}" for name in earlier]
    modules = [module for module in MODULES if within(module, f"{package}.{folder}")]
    assert modules
    for module in modules:
        for target in graph()[module]:
            if within(target, package):
                assert within(target, *allowed), f"{module} imports {target}"


def test_modules_have_no_import_cycles() -> None:
    """An import under TYPE_CHECKING counts, too."""
    edges = {module: targets & MODULES.keys() for module, targets in graph().items()}
    TopologicalSorter(edges).prepare()  # raises a CycleError that prints the cycle


@pytest.mark.parametrize("package", ["bundles.autoload.loading", "bundles.web.directories"])
def test_table_of_a_package_lists_its_modules(package: str) -> None:
    """Large packages have it in the docstring of ``__init__``."""
    text = ast.get_docstring(ast.parse(MODULES[package].read_text(encoding="utf-8"))) or ""
    modules = [name.rpartition(".")[2] for name in MODULES if name.startswith(f"{package}.")]
    assert sorted(re.findall(r"^ {4}(\w+) {2,}", text, re.MULTILINE)) == sorted(modules)


def test_every_module_imports_without_a_warning() -> None:
    """All in one new interpreter: rxkernel imports most modules, so one for each finds no more."""
    executed = ("__main__", ".environment.env")  # Alembic imports the latter, within a command
    names = [name for name in MODULES if not name.endswith(executed)]
    code = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
    run_python("-W", "error", "-c", code, *names)


def test_framework_loads_neither_extras_nor_bundles() -> None:
    """aiohttp imports libraries of content codings itself, if they are installed."""
    ours, theirs = (
        {name.split(".")[0] for name in run_python("-c", code).split()}
        for code in (
            f"import sys, {module}; print(*sys.modules)" for module in ("rxkernel", "aiohttp.web")
        )
    )
    assert (ours - theirs) & (OPTIONAL | OURS) == {"rxkernel"}


def test_rarely_used_modules_are_imported_late() -> None:
    """Large modules would use memory and time at the start of every server."""
    ours, theirs = (
        set(run_python("-c", f"import sys, {modules}; print(*sys.modules)").split())
        for modules in ("rxkernel.cli", "aiohttp.web, click, injector, msgspec, socketio")
    )
    assert (ours - theirs) & {"difflib", "importlib.metadata", "zipfile"} == set()


def test_application_with_tables_imports_no_alembic() -> None:
    """Only ``rxkernel db`` and a folder of revisions need it."""
    code = "import sys, bundles.resources; print(*sys.modules)"
    assert "alembic" not in run_python("-c", code).split()


def test_every_third_party_import_is_a_declared_dependency() -> None:
    declared = set(requirements())
    distributions = packages_distributions()
    tops = {target.split(".")[0] for targets in graph().values() for target in targets}
    for top in tops - OURS - sys.stdlib_module_names:
        found = distributions.get(top, [])
        names = {distribution.lower().replace("_", "-") for distribution in found}  # PEP 503
        assert names & declared, f"{top} is imported, but not declared in setup.cfg"


CLIENTS = re.compile(
    r"\b(ClientSession|urlopen|urlretrieve|http\.client|HTTPS?Connection|xmlrpc|ftplib|smtplib"
    r"|create_connection|open_connection|sock_connect)\b"
)
"""What makes connections to others."""

CLIENTS_OF = {"rxkernel.application.testing": "the client of functional tests, to its own server"}


@pytest.mark.parametrize("module", [name for name in MODULES if within(name, "rxkernel")])
def test_framework_opens_no_connections(module: str) -> None:
    """Without requests of its own, a server is safe from server-side request forgery."""
    found = CLIENTS.search(MODULES[module].read_text(encoding="utf-8"))
    assert found is None or module in CLIENTS_OF, f"{module} uses {found and found[0]}"


def test_every_dependency_has_a_reason() -> None:
    text = (ROOT / "docs" / "explain" / "dependencies.md").read_text(encoding="utf-8")
    reasoned = set(re.findall(r"^\| `([\w.-]+)", text, re.MULTILINE))
    assert reasoned >= set(requirements())
    assert reasoned <= {
        *requirements(),
        "axe-core",
        "setuptools",
        "socket.io-client",
        "chromium",
        "faketime",
        "haproxy",
        "ioredis",
        "metacom",
        "moleculer",
        "moleculer-0.15",
        "nats",
        "nats-server",
        "nginx-light",
        "node",
        "postgresql",
        "redis-server",
        "slowhttptest",
        "typescript",
        "valgrind",
        "wrk",
    }


def test_run_time_dependency_has_the_documented_version_range() -> None:
    page = (ROOT / "docs" / "explain" / "dependencies.md").read_text(encoding="utf-8")
    text, _, _ = page.partition("## Extras")
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    ranges = setup["options"]["install_requires"].split("\n")
    assert re.findall(r"^\| `([\w.-]+ >= [\d.]+, < [\d.]+)`", text, re.MULTILINE) == ranges[1:]


def test_bundles_is_a_namespace_package() -> None:
    """PEP 420: with an ``__init__.py``, Python would not find bundles installed elsewhere."""
    assert not (ROOT / "bundles" / "__init__.py").exists()


def requirements() -> list[str]:
    """Return the distributions in setup.cfg, with those of extras."""
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    lists = [setup["options"]["install_requires"], *setup["options.extras_require"].values()]
    names = re.findall(r"^[\w.-]+", "\n".join(lists), re.MULTILINE)
    return [name for name in names if name != "rxkernel"]


def run_python(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
