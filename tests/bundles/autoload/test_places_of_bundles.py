"""`Place`: a folder that another bundle adds."""

from collections.abc import Iterable
from types import ModuleType
from typing import Any

import pytest
from injector import Binder

from bundles.autoload import Place, Snapshot, register
from bundles.autoload.loading.load import Load
from bundles.autoload.loading.source_file import SourceFile
from rxkernel import (
    Bundle,
    ConfigurationError,
    HttpMetadata,
    KernelClient,
    Request,
    RouteMetadata,
    RxKernelError,
)
from tests.bundles.autoload.conftest import Folder


class Pages(Place):
    """Each file of ``pages`` is a route. It returns the variable ``text`` of a Python file, and
    the content of any other file."""

    name = "pages"
    application_names = {"note": register}  # noqa: RUF012

    def __init__(self) -> None:
        self.served: list[list[str]] = []

    def reads(self, key: str) -> bool:
        return key.endswith((".py", ".txt"))

    def value_of(self, file: SourceFile, module: ModuleType | None, load: Load) -> Any:
        if module is None:
            return file.content.decode()
        if "text" not in vars(module):
            raise ConfigurationError("has no text")
        return f"{module.text} {module.__name__}"

    def routes_of(
        self, snapshot: Snapshot, before: Iterable[RouteMetadata]
    ) -> Iterable[RouteMetadata]:
        files = [f for f in snapshot.files.values() if f.source.place == self.name]
        if any(file.value == "bad" for file in files):
            raise ConfigurationError("a page is bad")
        return tuple(self._route(file.key, file.value) for file in files)

    def _route(self, key: str, text: str) -> RouteMetadata:
        async def page(request: Request) -> str:
            return text

        return HttpMetadata(self, key, f"/{key}", "GET", page)

    def swapped(self, routes: Iterable[RouteMetadata]) -> None:
        self.served.append(sorted(route.name for route in routes))


class PagesBundle(Bundle):
    name = "pages"
    requires = ("autoload",)

    def __init__(self) -> None:
        self.pages = Pages()

    def configure(self, binder: Binder) -> None:
        binder.multibind(list[Place], to=[self.pages])


FILES = {
    "pages/a.txt": "a",
    "pages/x.y/get.py": "text = 'x.y'",
    "pages/x/y/get.py": "text = 'x/y'",
    "pages/x_2e_y/get.py": "text = 'x_2e_y'",
    "pages/.hidden/a.txt": "bad",
    "pages/__pycache__/a.txt": "bad",
    "pages/a.md": "bad",
}


async def test_files_of_a_place_are_loaded_and_served(folder: Folder) -> None:
    bundle = PagesBundle()
    client = KernelClient(await folder.boot(FILES, bundles=[bundle]))

    names = ["pages/a.txt", "pages/x.y/get.py", "pages/x/y/get.py", "pages/x_2e_y/get.py"]
    assert bundle.pages.served == [names]
    found = [(await client.http(name)).content for name in names]
    assert found == [
        "a",
        "x.y application.pages.x_2e_y.get",
        "x/y application.pages.x.y.get",
        "x_2e_y application.pages.x_5f_2e_y.get",
    ]


async def test_place_is_reloaded_in_one_step_with_other_files(folder: Folder) -> None:
    bundle = PagesBundle()
    await folder.boot(FILES, bundles=[bundle])

    await folder.change({"pages/b.txt": "b"}, remove=("pages/x/y/get.py",))
    client = KernelClient(folder.application)
    assert (await client.http("pages/b.txt")).content == "b"
    assert "pages/x/y/get.py" not in bundle.pages.served[-1]

    with pytest.raises(ConfigurationError) as caught:
        await folder.change({"pages/b.txt": "bad", "api/chat/send.py": "def send(): return 1"})
    assert "a page is bad" in str(caught.value)
    assert "api/chat/send.py" in str(caught.value)
    assert (await KernelClient(folder.application).http("pages/b.txt")).content == "b"
    assert len(bundle.pages.served) == 2


async def test_files_of_a_place_may_read_all_others_while_they_are_executed(
    folder: Folder,
) -> None:
    text = "from bundles.autoload import api, lib\ntext = f'{lib.one()} {api.chat.send.method}'"
    files = {
        **FILES,
        "lib/one.py": "def one(): return 1",
        "api/chat/send.py": "access = 'public'\nasync def send(): return 1",
        "pages/own.py": text,
    }
    client = KernelClient(await folder.boot(files, bundles=[PagesBundle()]))

    assert (await client.http("pages/own.py")).content == "1 send application.pages.own"


async def test_value_that_a_file_registers_belongs_to_it(folder: Folder) -> None:
    text = "from bundles.autoload import application\n"
    files = {
        **FILES,
        "lib/loaded.py": f"{text}application.note('loaded')",
        "lib/started.py": f"{text}async def start(): application.note('started')",
        "lib/kept.py": f"{text}async def start(): application.note(1)\ndef migrate(old): pass",
    }
    await folder.boot(files, bundles=[PagesBundle()])
    assert folder.snapshot.registered == {
        "lib/loaded.py": ("loaded",),
        "lib/started.py": ("started",),
        "lib/kept.py": (1,),
    }

    await folder.change(
        {
            "lib/loaded.py": f"{text}application.note('again')\napplication.note(2)",
            "lib/kept.py": f"{text}async def start(): raise KeyError\ndef migrate(old): pass",
        },
        remove=("lib/started.py",),
    )
    assert folder.snapshot.registered == {"lib/loaded.py": ("again", 2), "lib/kept.py": (1,)}


async def test_register_outside_of_load_and_start_is_an_error(folder: Folder) -> None:
    await folder.boot({**FILES, "lib/a.py": ""}, bundles=[PagesBundle()])

    with folder.message(), pytest.raises(RxKernelError, match="only while a file is executed"):
        register(1)


async def test_root_with_only_the_folder_of_a_place_is_an_application(folder: Folder) -> None:
    await folder.boot({"pages/a.txt": "a"}, bundles=[PagesBundle()])

    assert list(folder.snapshot.files) == ["pages/a.txt"]


async def test_folder_with_a_name_similar_to_a_place_of_a_bundle_is_a_warning(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    await folder.boot({**FILES, "page/a.txt": "a"}, bundles=[PagesBundle()])

    assert "page is not loaded; did you mean pages?" in caplog.text
