"""Files become modules, functions and namespaces."""

from bundles.autoload import db, domain, lib
from tests.bundles.autoload.conftest import Folder


async def test_boot_loads_every_place(folder: Folder) -> None:
    await folder.boot(
        {
            "lib/example/add.py": "def add(a, b): return a + b",
            "domain/chat.py": """
                from bundles.autoload import lib

                THREE = lib.example.add(1, 2)

                def seven():
                    return lib.example.add(3, 4)
                """,
            "db/geo/start.py": """
                from bundles.autoload import db

                async def start():
                    db.geo.pool = "pool"
                """,
            "api/example/hello.py": "access = 'public'\nasync def method(): return 1",
            "api/example.2/hello.py": "access = 'public'\nasync def method(): return 2",
        }
    )

    assert lib.example.add(1, 1) == 2
    assert (domain.chat.THREE, domain.chat.seven()) == (3, 7)
    assert db.geo.pool == "pool"
    unit = folder.snapshot.api["example"]
    assert list(unit.versions) == [1, 2]
    assert [file.key for file in unit.latest.files.values()] == ["api/example.2/hello.py"]


async def test_build_with_a_changed_file_executes_it_and_its_readers(folder: Folder) -> None:
    await folder.boot(
        {
            "lib/add.py": "def add(a, b): return a + b",
            "lib/other.py": "",
            "domain/sum.py": "from bundles.autoload import lib\nSUM = lib.add(1, 2)",
        }
    )

    executed = await folder.change({"lib/add.py": "def add(a, b): return 100"})

    assert executed == {"lib/add.py", "domain/sum.py"}
    assert domain.sum.SUM == 100
