"""A snapshot after reloads equals a snapshot of one fresh load."""

import random
from pathlib import Path

import pytest

from bundles.autoload import Snapshot
from tests.bundles.autoload.conftest import Folder

KEYS = [
    *(f"lib/{name}.py" for name in "abcd"),
    *(f"lib/sub/{name}.py" for name in ("__init__", "e", "f")),
    *(f"domain/{name}.py" for name in "gh"),
    "config/k.py",
    "resources/r",
]


def content_of(key: str, chance: random.Random) -> str:
    """A file that reads some of the files before it, if they exist, or all names of a folder."""
    number = chance.randrange(100)
    if key == "resources/r":
        return str(number)
    if key == "config/k.py":
        return f"X = {number}"
    before = KEYS[: KEYS.index(key)]
    read = chance.sample(before, min(len(before), chance.randrange(3)))
    names = [name[:-3].replace("/", ".").removesuffix(".__init__") for name in read]
    lines = [f"X = [{number}]", *(f"X.append(read(lambda: {name}.X))" for name in names)]
    if chance.random() < 0.3:
        lines.append("X.append(read(lambda: config.k.X))")
    if chance.random() < 0.2:
        lines.append("X.append(dict(resources))")
    if chance.random() < 0.2 and key.startswith("domain"):
        lines.append("X.append(dir(lib.sub) if 'sub' in dir(lib) else None)")
    return (
        "from bundles.autoload import config, domain, lib, resources\n"
        "def read(get):\n"
        "    try: return get()\n"
        "    except AttributeError: return None\n" + "\n".join(lines)
    )


def values_of(snapshot: Snapshot) -> dict[str, object]:
    return {
        key: file.value["X"] if key.startswith("config/") else vars(file.module)["X"]
        for key, file in sorted(snapshot.files.items())
        if file.module is not None
    }


@pytest.mark.parametrize("seed", [*range(4), pytest.param(range(4, 60), marks=pytest.mark.soak)])
async def test_reloads_give_the_values_of_a_fresh_load(
    folder: Folder, tmp_path: Path, seed: int | range
) -> None:
    for number in [seed] if isinstance(seed, int) else seed:
        await compare(folder, random.Random(number))
        await folder.stop()


async def compare(folder: Folder, chance: random.Random) -> None:
    for path in folder.root.rglob("*"):
        if path.is_file():
            path.unlink()
    files: dict[str, str | bytes] = {
        key: content_of(key, chance) for key in KEYS if chance.random() < 0.7
    }
    files["lib/a.py"] = content_of("lib/a.py", chance)
    await folder.boot(files)
    for _ in range(12):
        changed = {key: content_of(key, chance) for key in chance.sample(KEYS, 2)}
        gone = [key for key in chance.sample(KEYS[1:], 2) if key not in changed]
        folder.write(changed)
        folder.remove(*(key for key in gone if (folder.root / key).exists()))
        build = await folder.autoload.build([*changed, *gone])
        if build is not None:
            folder.autoload.commit(build)
            await folder.autoload.retire(build)
        incremental = values_of(folder.snapshot)
        fresh = Folder(folder.root)
        await fresh.boot()
        assert incremental == values_of(fresh.snapshot)
        await fresh.stop()
