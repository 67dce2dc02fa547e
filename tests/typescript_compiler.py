"""Compiles modules of TypeScript as strictly as the compiler can."""

import subprocess
from pathlib import Path
from shutil import copy

from tests.required_tools import ROOT, require_node, require_typescript

_CONFIGURATION = Path(__file__).with_name("tsconfig.json")
_PATIENCE = 120


def compile_typescript(folder: Path) -> Path:
    """Compile all modules of *folder*, which may import socket.io-client.

    Returns:
        The folder of the JavaScript, for Node. An error of the compiler fails the test.
    """
    (folder / "package.json").write_text('{"type": "module"}')
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(ROOT / "node_modules")
    copy(_CONFIGURATION, folder)
    done = subprocess.run(
        [require_node(), require_typescript(), "-p", folder],
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "out"
