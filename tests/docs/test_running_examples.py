"""The program of the guide that runs an example with `await` outside of a function."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.required_tools import ROOT

FUNCTIONS = """
async def show():
    return "shown"
async def main():
    print(await show())
"""


@pytest.mark.parametrize("source", ["print(await show())", "import asyncio\nasyncio.run(main())"])
def test_program_of_guide_runs_example(source: str, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "guide" / "index.md").read_text(encoding="utf-8")
    program = re.search(r"```python\n(# run\.py\n.*?)```", page, re.DOTALL)
    assert program is not None
    (tmp_path / "run.py").write_text(program[1], encoding="utf-8")
    (tmp_path / "example.py").write_text(f"{FUNCTIONS}{source}\n", encoding="utf-8")

    command = [sys.executable, "run.py", "example.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert done.stdout == "shown\n"
