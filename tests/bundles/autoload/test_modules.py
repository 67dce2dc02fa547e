"""Modules in ``sys.modules``: pickles, type hints, tracebacks, memory."""

import asyncio
import gc
import pickle
import sys
import traceback
import weakref
from pathlib import Path
from types import ModuleType
from typing import get_type_hints

import attrs
import msgspec
import pytest

from bundles.autoload import domain, lib
from rxkernel import ConfigurationError, KernelClient
from tests.bundles.autoload.conftest import Folder
from tests.waiting import until_collected

EVENTS: dict[str, asyncio.Event] = {}
"""The events for which the files of a test wait."""

ENDPOINT = "access = 'public'\nasync def method(): ..."

CLASSES = """
    from __future__ import annotations

    import dataclasses
    import enum
    import typing

    import attrs
    import msgspec

    class Kind(enum.Enum):
        GOOD = {number}

    @attrs.define
    class City:
        name: str
        place: Place | None = None
        kind: Kind = Kind.GOOD

    @dataclasses.dataclass
    class Place:
        city: City
        near: typing.Optional[Place] = None
        count: typing.ClassVar[int] = {number}

    class Message(msgspec.Struct):
        place: Place
        tags: typing.Annotated[list[Kind], "tags"] = []

    class Pair(typing.NamedTuple):
        first: City
        second: typing.Union[Place, None] = None

    def find(place: Place) -> City: ...
    """


def classes(number: int) -> dict[str, str | bytes]:
    return {"domain/geo.py": CLASSES.replace("{number}", str(number))}


async def test_postponed_annotations_find_the_names_of_their_module(folder: Folder) -> None:
    await folder.boot(classes(1))
    geo = domain.geo

    for number in (2, 3):
        assert get_type_hints(geo.find) == {"place": geo.Place, "return": geo.City}
        assert attrs.fields(attrs.resolve_types(geo.City)).place.type == geo.Place | None
        message = msgspec.json.decode(
            b'{"place": {"city": {"name": "Rome"}}, "tags": [%d]}' % geo.Kind.GOOD.value,
            type=geo.Message,
        )
        assert message.place == geo.Place(geo.City("Rome"))
        assert geo.Place.count == geo.Kind.GOOD.value
        await folder.change(classes(number))
        assert domain.geo is not geo
        geo = domain.geo


async def test_objects_of_the_current_snapshot_can_be_pickled(folder: Folder) -> None:
    geo = CLASSES.replace("{number}", "1")
    await folder.boot({**classes(1), "lib/double.py": "def method(x): return 2 * x"})
    old = domain.geo.City("Rome")
    data = pickle.dumps([old, lib.double, domain.geo.find])
    assert pickle.loads(data)[0] == old
    assert b"application.domain.geo" in data

    await folder.change({"domain/geo.py": f"{geo}\n    NEW = 1\n"})

    city, double, find = pickle.loads(data)
    assert type(city) is domain.geo.City
    assert (double(2), find) == (4, domain.geo.find)
    with pytest.raises(pickle.PicklingError, match="not the same object"):
        pickle.dumps(old)  # as after each reload of a module


async def test_failed_load_keeps_the_earlier_modules(folder: Folder) -> None:
    await folder.boot(classes(1))
    module = sys.modules["application.domain.geo"]

    with pytest.raises(ConfigurationError):
        await folder.change({**classes(2), "lib/broken.py": "x = ("})

    assert sys.modules["application.domain.geo"] is module
    assert "application.lib.broken" not in sys.modules
    assert pickle.loads(pickle.dumps(domain.geo.City("Rome"))).name == "Rome"


async def test_message_pickles_and_finds_types_in_its_own_module_while_another_one_is_loaded(
    folder: Folder,
) -> None:
    """No message uses the new module yet, and if the reload fails, no message ever will."""
    EVENTS["started"], EVENTS["go on"] = asyncio.Event(), asyncio.Event()
    use = """
        import pickle
        from typing import get_type_hints

        from bundles.autoload import domain

        access = "public"

        async def method():
            geo = domain.geo
            city = pickle.loads(pickle.dumps(geo.City("Rome")))
            hints = get_type_hints(geo.find)
            from application.domain.geo import Kind
            return [type(city) is geo.City, hints["return"] is geo.City, Kind is geo.Kind]
        """
    start = """
        import tests.bundles.autoload.test_modules as test

        async def start():
            test.EVENTS["started"].set()
            await test.EVENTS["go on"].wait()
            raise ValueError
        """
    client = KernelClient(await folder.boot({**classes(1), "api/geo/use.py": use}))

    changing = asyncio.create_task(folder.change({**classes(2), "lib/a.py": start}))
    await EVENTS["started"].wait()
    during = await client.http("geo/use")
    EVENTS["go on"].set()
    with pytest.raises(ConfigurationError, match="ValueError"):
        await changing

    assert during.content == [True, True, True]
    assert (await client.http("geo/use")).content == [True, True, True]


async def test_load_finds_the_types_of_the_files_that_it_has_executed(folder: Folder) -> None:
    """A schema that is made while files are loaded refers to their new classes."""
    resolve = """
        import pickle
        from typing import get_type_hints

        from bundles.autoload import domain

        geo = domain.geo
        FOUND = get_type_hints(geo.find)["return"]
        KIND = pickle.loads(pickle.dumps(geo.Kind.GOOD))

        async def start():
            global place
            place = get_type_hints(geo.find)["place"]
        """
    await folder.boot({**classes(1), "domain/other.py": resolve})
    assert domain.other.FOUND is domain.geo.City

    for number in (2, 3):
        await folder.change(classes(number))
        assert domain.other.FOUND is domain.geo.City
        assert domain.other.place is domain.geo.Place
        assert domain.other.KIND is domain.geo.Kind.GOOD


async def test_routes_of_a_reload_find_the_types_of_its_files(folder: Folder) -> None:
    """Schemas of typed signatures are compiled before the swap."""
    typed = """
        from bundles.autoload import domain

        _Message = domain.geo.Message
        access = "public"

        async def method(message: _Message) -> list[int]:
            return [kind.value for kind in message.tags]
        """
    client = KernelClient(await folder.boot({**classes(1), "api/geo/tags.py": typed}))

    for number in (2, 3):
        await folder.change(classes(number))
        body = {"message": {"place": {"city": {"name": "Rome"}}, "tags": [number]}}
        assert (await client.http("geo/tags", body=body)).content == [number]


async def test_message_of_the_snapshot_before_pickles_its_objects(folder: Folder) -> None:
    await folder.boot(classes(1))
    with folder.message():
        geo = domain.geo
        await folder.change(classes(2))
        assert type(pickle.loads(pickle.dumps(geo.City("Rome")))) is geo.City

    assert domain.geo is not geo


async def test_modules_are_removed_with_their_files_and_at_stop(folder: Folder) -> None:
    application = await folder.boot({"lib/a.py": "", "lib/b.py": "", "lib/x/__init__.py": ""})
    names = {name for name in sys.modules if name.startswith("application.lib.")}
    assert names == {"application.lib.a", "application.lib.b", "application.lib.x"}
    assert sys.modules["application.lib"].__path__ == []

    await folder.change({}, remove=("lib/b.py",))
    assert "application.lib.b" not in sys.modules

    await application.stop()
    assert not [name for name in sys.modules if name.startswith("application")]


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("from application.lib.a import A", "application.lib.a.A"),
        ("from application.lib import a", "application.lib.a"),
        ("from application import lib", "application.lib"),
        ("import json, application.lib.a as a", "application.lib.a"),
        ("from . import a", ".a"),
        ("from .a import A", ".a.A"),
        ("from ..lib.a import A", "..lib.a.A"),
        ("class X:\n    from .a import A", ".a.A"),
        ("if TYPE_CHECKING:\n  ...\nelse:\n  from .a import A", ".a.A"),
    ],
)
async def test_import_of_a_file_of_the_application_is_an_error(
    folder: Folder, statement: str, name: str
) -> None:
    """Such an import would depend on the order of the files, and a reload would miss it."""
    with pytest.raises(ConfigurationError) as caught:
        await folder.boot(
            {"lib/a.py": "A = 1", "lib/b.py": f"from typing import TYPE_CHECKING\n{statement}"}
        )

    assert f": imports {name}; files of the application are read through" in str(caught.value)
    assert "from bundles.autoload import lib" in str(caught.value)
    assert "lib/b.py:2: " in str(caught.value) or "\n" in statement


async def test_import_for_types_or_in_functions_is_accepted(folder: Folder) -> None:
    await folder.boot(
        {
            "schemas/City.py": "class City: ...",
            "lib/a.py": """
                from __future__ import annotations
                from typing import TYPE_CHECKING

                if TYPE_CHECKING:
                    from application.schemas.City import City

                def a() -> City:
                    from application.schemas.City import City
                    return City()
                """,
        }
    )

    assert type(lib.a()).__name__ == "City"


async def test_other_folders_of_the_root_can_be_imported(folder: Folder) -> None:
    await folder.boot(
        {
            "vendor/tools.py": "TOOL = 1",
            "lib/a.py": "from application.vendor.tools import TOOL",
        }
    )

    assert lib.a.TOOL == 1
    for name in ("application.vendor.tools", "application.vendor"):
        del sys.modules[name]


async def test_root_named_like_a_module_does_not_hide_the_module(tmp_path: Path) -> None:
    (tmp_path / "json").mkdir()
    folder = Folder(tmp_path / "json")
    await folder.boot({"lib/a.py": "import json\nTEXT = json.dumps({})"})

    assert lib.a.TEXT == "{}"
    assert lib.a.__name__ == "json_2.lib.a"
    await folder.stop()


async def test_third_party_module_is_not_loaded_again(folder: Folder, tmp_path: Path) -> None:
    await folder.boot({"lib/a.py": "import attrs, json\nMODULES = attrs, json"})

    await folder.change({"lib/a.py": "import json, attrs\nMODULES = attrs, json"})

    assert (attrs, sys.modules["json"]) == lib.a.MODULES


async def test_traceback_shows_the_path_and_the_line_of_the_new_file(folder: Folder) -> None:
    def text_of() -> str:
        try:
            lib.fail()
        except ZeroDivisionError:
            return traceback.format_exc()
        return ""

    await folder.boot({"lib/fail.py": "def fail():\n    return 1 / 0\n"})
    assert f'File "{folder.root}/lib/fail.py", line 2, in fail\n    return 1 / 0' in text_of()

    await folder.change({"lib/fail.py": "\n\ndef fail():\n    return 22 / 0\n"})
    assert f'File "{folder.root}/lib/fail.py", line 4, in fail\n    return 22 / 0' in text_of()


# F6
@pytest.mark.parametrize("reloads", [20, pytest.param(200, marks=pytest.mark.soak)])
async def test_old_snapshots_and_modules_are_collected(folder: Folder, reloads: int) -> None:
    await folder.boot(
        {**classes(0), "lib/chat.py": "def chat(): return 0", "api/a/b.py": ENDPOINT}
    )
    snapshots: list[weakref.ref[object]] = []
    modules: list[weakref.ref[ModuleType]] = []

    for number in range(1, reloads + 1):
        with folder.message():
            snapshots.append(weakref.ref(folder.snapshot))
            modules.append(weakref.ref(domain.geo))
            read = domain.geo.Place(domain.geo.City(str(number)))
            msgspec.json.decode(msgspec.json.encode(read), type=domain.geo.Place)
            await folder.change({**classes(number), "lib/chat.py": f"def chat(): return {number}"})
            assert read.city.kind.value == number - 1
        del read

    gc.collect()
    assert lib.chat() == reloads
    assert [ref for ref in snapshots if ref() is not None] == []
    assert len([ref for ref in modules if ref() is not None]) == 0


async def test_old_module_lives_until_the_end_of_its_calls(folder: Folder) -> None:
    await folder.boot({"domain/chat.py": "async def wait(event): await event.wait(); return 1"})
    module = weakref.ref(domain.chat)
    function = domain.chat.wait

    await folder.change({"domain/chat.py": "async def wait(event): return 2"})

    gc.collect()
    assert module() is None or function.__globals__ is vars(module())
    del function
    gc.collect()
    assert module() is None


async def test_tasks_of_messages_and_hooks_keep_no_old_snapshot(folder: Folder) -> None:
    start = """
        import asyncio

        async def start():
            global task, is_over
            is_over = asyncio.Event()
            task = asyncio.create_task(is_over.wait())

        async def stop():
            is_over.set()
            await task
        """
    await folder.boot({"domain/clock.py": start, "lib/chat.py": "CHAT = 0"})
    snapshot, module = weakref.ref(folder.snapshot), weakref.ref(lib.chat)
    is_over = asyncio.Event()
    with folder.message():
        task = asyncio.create_task(is_over.wait())
        await folder.change({"lib/chat.py": "CHAT = 1"})

    gc.collect()

    assert (snapshot(), module()) == (None, None)
    assert not task.done()
    assert not domain.clock.task.done()
    is_over.set()
    await task


async def test_failed_loads_leave_no_modules(folder: Folder) -> None:
    await folder.boot(classes(0))
    before = modules_in_memory()

    for number in range(1, 6):
        with pytest.raises(ConfigurationError):
            await folder.change({**classes(number), "lib/broken.py": f"1 / 0 # {number}"})

    # The thread of the last load may not have ended yet.
    await until_collected(lambda: all(module in before for module in modules_in_memory()))


def modules_in_memory() -> list[ModuleType]:
    return [thing for thing in gc.get_objects() if isinstance(thing, ModuleType)]
