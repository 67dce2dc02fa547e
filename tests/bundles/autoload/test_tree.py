"""Files that are refused before any file is executed."""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bundles.autoload.loading.scan import scan
from bundles.autoload.loading.source_file import UnreadableFileError, read_file
from bundles.autoload.loading.tree import Tree, TreeRules
from tests.bundles.autoload.conftest import Folder, problems_of

RULES = TreeRules(mode=None, file_limit=1000, resources_limit=1000)


# F5
async def test_link_out_of_the_root_is_refused(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text("SECRET = 1")
    (folder.root / "lib").mkdir()
    (folder.root / "lib" / "secret.py").symlink_to(tmp_path / "secret.py")

    text = await problems_of(folder, {})

    assert f"lib/secret.py: is a link to {tmp_path}/secret.py, outside of the root" in text


# F5
async def test_link_to_a_folder_out_of_the_root_is_refused(folder: Folder, tmp_path: Path) -> None:
    """A sibling that begins with the name of the root is outside of it."""
    other = tmp_path / "application_private"
    other.mkdir()
    (other / "add.py").write_text("")
    (folder.root / "lib").symlink_to(other)

    assert "outside of the root" in await problems_of(folder, {})


# F5
@pytest.mark.parametrize("place", ["static", "cert"])
async def test_link_of_static_or_cert_out_of_the_root_is_refused(
    folder: Folder, tmp_path: Path, place: str
) -> None:
    (tmp_path / "other").mkdir()
    (folder.root / place).symlink_to(tmp_path / "other")

    text = await problems_of(folder, {"lib/add.py": ""})

    assert f"{place}: is a link to {tmp_path}/other, outside of the root" in text


async def test_link_of_a_certificate_out_of_the_root_is_followed(
    folder: Folder, tmp_path: Path
) -> None:
    """Programs that renew certificates link them."""
    (tmp_path / "live").mkdir()
    (folder.root / "cert").mkdir()
    (folder.root / "cert/shop").symlink_to(tmp_path / "live")

    await folder.boot({"lib/add.py": ""})


async def test_link_within_the_root_is_followed(folder: Folder) -> None:
    folder.write({"lib/add.py": "def add(): return 1"})
    (folder.root / "lib" / "plus.py").symlink_to(folder.root / "lib" / "add.py")

    await folder.boot()

    assert sorted(folder.snapshot.files) == ["lib/add.py", "lib/plus.py"]


# F5
async def test_link_to_a_file_that_every_user_can_replace_is_refused(folder: Folder) -> None:
    folder.write({"uploads/add.py": "", "lib/other.py": ""})
    (folder.root / "uploads").chmod(0o777)
    (folder.root / "lib" / "add.py").symlink_to(folder.root / "uploads" / "add.py")

    assert "/uploads: can be written by every user" in await problems_of(folder, {})


async def test_link_to_a_folder_that_contains_it_is_refused(folder: Folder) -> None:
    folder.write({"lib/add.py": ""})
    (folder.root / "lib" / "again").symlink_to(folder.root / "lib")

    assert "lib/again: is a link to" in await problems_of(folder, {})


async def test_link_to_a_missing_file_is_refused(folder: Folder) -> None:
    folder.write({"lib/add.py": ""})
    (folder.root / "lib" / "gone.py").symlink_to(folder.root / "lib" / "never.py")

    assert "lib/gone.py: is a link to a file that does not exist" in await problems_of(folder, {})


# F5
@pytest.mark.parametrize("path", ["", "lib", "lib/example", "lib/example/add.py"])
async def test_file_or_folder_that_every_user_can_write_is_refused(
    folder: Folder, path: str
) -> None:
    folder.write({"lib/example/add.py": "raise ValueError('it was executed')"})
    (folder.root / path).chmod(0o777)

    text = await problems_of(folder, {})

    assert "can be written by every user; run chmod o-w on it" in text
    assert "it was executed" not in text


# F5
@pytest.mark.parametrize(
    "path", ["static", "cert", "cert/shop", "cert/shop/key.pem", "cert/shop/cert.pem"]
)
async def test_static_or_certificate_that_every_user_can_write_is_refused(
    folder: Folder, path: str
) -> None:
    folder.write(
        {
            "lib/add.py": "",
            "static/index.html": "",
            "cert/shop/key.pem": "",
            "cert/shop/cert.pem": "",
        }
    )
    (folder.root / path).chmod(0o777)

    text = await problems_of(folder, {})

    assert f"{folder.root / path}: can be written by every user; run chmod o-w on it" in text


# F5
@pytest.mark.parametrize(
    ("key", "rule"),
    [
        ("lib/send-message.py", "'send-message' is not a name of Python"),
        ("lib/1st.py", "'1st' is not a name of Python"),
        ("lib/a b.py", "'a b' is not a name of Python"),
        ("lib/..x.py", None),
        ("lib/my-folder/add.py", "'my-folder' is not a name of Python"),
        ("lib/class.py", "'class' is a keyword of Python"),
        ("lib/parent.py", "'parent' is the namespace above"),
        ("lib/ﬁnd.py", "is read as 'find' by Python"),
        ("lib/x\udcff.py", r"'x\udcff' is not a name of Python"),
        ("api/chat/rooms/join.py", "a unit of api has no folders"),
        ("api/chat.x/join.py", "'chat.x' has a version that is not a whole number from 1"),
        ("api/chat.0/join.py", "'chat.0' has a version"),
        ("api/chat.02/join.py", "'chat.02' has a version"),
        ("api/chat/join.2.py", "'join.2' is not a name of Python"),
    ],
)
async def test_file_name_that_python_cannot_read_is_refused(
    folder: Folder, key: str, rule: str | None
) -> None:
    folder.write({key: ""})
    if rule is None:
        await folder.boot()
        assert not folder.snapshot.files
    else:
        text = await problems_of(folder, {})
        assert f"application/{key}: " in text.encode("utf-8", "surrogateescape").decode(
            "utf-8", "surrogateescape"
        )
        assert rule in text


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("lib/chat.py", "lib/chat/send.py"),
        ("lib/chat.py", "lib/chat/__init__.py"),
        ("config/chat.py", "config/chat.toml"),
        ("api/chat.py", "api/chat/send.py"),
        ("api/chat/send.py", "api/chat.1/send.py"),
        ("api/chat.2.py", "api/chat.2/send.py"),
    ],
)
async def test_two_files_with_one_name_are_refused(
    folder: Folder, first: str, second: str
) -> None:
    text = await problems_of(folder, {first: "", second: ""})

    assert "remove one of the two" in text


async def test_large_file_is_refused(folder: Folder) -> None:
    text = await problems_of(folder, {"lib/large.py": "#" * 101}, file_limit=100)

    assert "lib/large.py: has 101 bytes, the limit is 100" in text


async def test_resources_over_their_limit_are_refused(folder: Folder) -> None:
    files: dict[str, str | bytes] = {"resources/a": "a" * 60, "resources/b": "b" * 60}

    text = await problems_of(folder, files, resources_limit=100)

    assert "resources/b: has 60 bytes; all resources together may have 100, as they" in text


async def test_pipe_is_refused_without_a_wait(folder: Folder) -> None:
    (folder.root / "lib").mkdir()
    os.mkfifo(folder.root / "lib" / "pipe.py")

    assert "lib/pipe.py: is not a regular file" in await problems_of(folder, {})


def test_file_that_becomes_a_link_is_not_followed(tmp_path: Path) -> None:
    """The scan checks links first; a link that comes later is not read."""
    (tmp_path / "secret").write_text("")
    (tmp_path / "link.py").symlink_to(tmp_path / "secret")

    with pytest.raises(UnreadableFileError, match="cannot be read: Too many levels of symbolic"):
        read_file(tmp_path / "link.py", 100)


async def test_missing_root_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    text = await problems_of(Folder(tmp_path / "nowhere"), {})

    assert "does not exist; create it with a folder api or app" in text
    assert "write another one in create_application(…) or AutoloadBundle(…)" in text


async def test_root_without_places_is_an_error(folder: Folder) -> None:
    text = await problems_of(folder, {"apis/chat/send.py": ""})

    assert (
        "must have one of the folders resources, schemas, config, lib, model, db, bus, domain, "
        "init, setup, tasks, api, or app of the bundle web; create one"
    ) in text


async def test_configuration_in_another_format_is_a_warning(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    files = {"config/other.json": "{}", "config/a.test.py": "", "lib/a.json": "", "lib/b.py": ""}
    await folder.boot(files)

    assert caplog.messages == [
        f"{folder.root}/config/other.json is not loaded; write Python or TOML: other.toml"
    ]


async def test_folder_called_nearly_like_a_place_is_a_warning(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    await folder.boot({"domains/a.py": "", "lib/a.py": "", "tests/x.py": "", "_configs/a": ""})

    assert [record.getMessage() for record in caplog.records] == [
        f"{folder.root}/domains is not loaded; did you mean domain?"
    ]


async def test_all_problems_of_a_tree_are_in_one_error(folder: Folder) -> None:
    text = await problems_of(
        folder,
        {
            "lib/send-message.py": "",
            "lib/chat.py": "raise ValueError('it was executed')",
            "lib/chat/send.py": "",
            "domain/broken.py": "x = (",
        },
    )

    assert len(text.splitlines()) == 3
    assert "domain/broken.py:1: SyntaxError: '(' was never closed" in text
    assert "it was executed" not in text


async def test_files_of_editors_and_other_kinds_are_ignored(folder: Folder) -> None:
    await folder.boot(
        {
            "lib/add.py": "",
            "lib/.add.py.swp": b"\0",
            "lib/.#add.py": "",
            "lib/add.py~": "x = (",
            "lib/4913": "",
            "lib/__pycache__/add.cpython-311.pyc": b"\0",
            "lib/_private.py": "raise ValueError",
            "lib/.hidden/x.py": "raise ValueError",
            "lib/read me.md": "",
            "static/app-1.js": "",
            "notes.py": "raise ValueError",
        }
    )

    assert list(folder.snapshot.files) == ["lib/add.py"]


def trees_during(change: Callable[[], None], root: Path) -> list[Tree]:
    """Scan *root* many times, while a thread calls *change* again and again."""
    is_done = threading.Event()

    def work() -> None:
        while not is_done.is_set():
            change()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        return [scan(root, RULES) for _ in range(300)]
    finally:
        is_done.set()
        thread.join()


def test_scan_while_files_appear_and_vanish_reports_nothing(tmp_path: Path) -> None:
    file = tmp_path / "lib" / "example" / "add.py"

    def change() -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x = 1")
        file.unlink()
        file.parent.rmdir()

    trees = trees_during(change, tmp_path)

    found = {problem for tree in trees for problem in tree.problems}
    assert all("must have one of the folders" in problem for problem in found)


def test_scan_while_a_file_is_replaced_reads_it_whole(tmp_path: Path) -> None:
    contents = [b"x = '" + letter * 500 + b"'" for letter in (b"a", b"b")]
    file = tmp_path / "lib" / "add.py"
    file.parent.mkdir()
    file.write_bytes(contents[0])

    def change() -> None:
        for content in contents:
            file.with_suffix(".new").write_bytes(content)
            os.replace(file.with_suffix(".new"), file)

    trees = trees_during(change, tmp_path)

    assert {tree.files["lib/add.py"].content for tree in trees} <= {*contents}
    assert not any(tree.problems for tree in trees)


def test_scan_of_a_very_deep_folder_needs_no_recursion(tmp_path: Path) -> None:
    depth = sys.getrecursionlimit() // 2
    path = tmp_path / "lib"
    path.mkdir()
    descriptor = os.open(path, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("a", dir_fd=descriptor)
        below = os.open("a", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(os.open("add.py", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=descriptor))
    os.close(descriptor)

    tree = scan(tmp_path, RULES)

    assert [len(file.name) for file in tree.files.values()] == [depth + 2]
