"""Creates the metadata of a package, so that it looks installed."""

from pathlib import Path


def install_metadata(
    directory: Path, name: str, group: str, entry_point: str, *, more: str = ""
) -> None:
    """Write the metadata of the package *name* with one entry point of *group*, ``name = value``,
    into *directory*, which is on the path of imports. *more* are other lines of ``METADATA``."""
    info = directory / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{more}")
    (info / "entry_points.txt").write_text(f"[{group}]\n{entry_point}\n")
