"""Read as ``config.database.file``; ``database.test.py`` would replace it with MODE=test."""

import os
from pathlib import Path

application = Path(__file__).resolve().parents[1]
own = application.parent / "var" / f"{application.name}.sqlite3"

file = os.environ.get("DATABASE", str(own))
