"""Opening below a root while its folders are replaced."""

import os
import threading
from pathlib import Path

from rxkernel import NotFoundException
from rxkernel.servers.http.files.opening import open_file


def test_open_file_folder_replaced_by_link_is_404(tmp_path: Path) -> None:
    """A separate check of the path would be too late: the folder is replaced all the time."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root / "folder", outside):
        folder.mkdir(parents=True)
        (folder / "file").write_text(folder.name)
    os.symlink(outside, root / "link")
    ends = threading.Event()

    def swap() -> None:
        while not ends.is_set():
            for name, other in (("folder", "x"), ("link", "folder"), ("folder", "link")):
                os.rename(root / name, root / other)
            os.rename(root / "x", root / "folder")

    swapping = threading.Thread(target=swap)
    swapping.start()
    seen: set[bytes | None] = set()
    try:
        for _ in range(5000):
            try:
                with open_file(root / "folder" / "file", root) as file:
                    seen.add(file.readall())
            except NotFoundException:
                seen.add(None)
    finally:
        ends.set()
        swapping.join()

    assert seen <= {b"folder", None}
    assert None in seen


def test_open_file_closes_its_folders(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").touch()
    before = os.listdir("/proc/self/fd")

    for name in ("file", "missing", "file/x"):
        try:
            open_file(tmp_path / "a" / "b" / name, tmp_path).close()
        except NotFoundException:
            assert name != "file"

    assert os.listdir("/proc/self/fd") == before
