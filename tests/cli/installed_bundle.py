"""A bundle that looks installed: a module with the metadata of a package."""

from pathlib import Path

from tests.installed_package import install_metadata


def install_bundle(directory: Path, name: str, source: str) -> None:
    """Install *source* as bundle *name* into *directory*, which is on the path of imports."""
    install_metadata(directory, name, "rxkernel.bundles", f"{name} = {name}_of_test:Made")
    (directory / f"{name}_of_test.py").write_text(source)
