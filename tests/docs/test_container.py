"""The page container.md: its file of the image, without the image."""

import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

from tests.cli.processes import Process, get
from tests.required_tools import ROOT

_DOCKERFILE = re.compile(r"^```dockerfile\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_last_line_of_dockerfile_serves_a_new_project_until_sigterm(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "operate" / "container.md").read_text(encoding="utf-8")
    found = _DOCKERFILE.search(page)
    assert found is not None
    lines = dict(line.split(" ", 1) for line in found[1].splitlines() if line[0] != " ")
    _, *command = json.loads(lines["CMD"])
    variables = [
        *shlex.split(lines["ENV"]),
        "RXKERNEL_HTTP_HOST=127.0.0.1",  # tests open no port to the outside
        "RXKERNEL_HTTP_PORT=0",
    ]
    project = tmp_path / "shop"
    subprocess.run([sys.executable, "-m", "rxkernel", "new", project], check=True)

    process = Process(["env", *variables, sys.executable, *command], project)
    try:
        assert get(f"{process.url()}/readyz") == {"status": "ready"}
        assert {"level", "message", "time"} <= json.loads(process.stderr[0]).keys()
        process.send(signal.SIGTERM)
        assert process.code() == 0
    finally:
        process.kill()
