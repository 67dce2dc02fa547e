"""A bundle that looks installed: a module with the metadata of a package."""

from pathlib import Path


def install_bundle(directory: Path, name: str, source: str) -> None:
    """Install *source* as bundle *name* into *directory*, which is on the path of imports."""
    info = directory / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[rxkernel.bundles]\n{name} = {name}_of_test:Made\n")
    (directory / f"{name}_of_test.py").write_text(source)
