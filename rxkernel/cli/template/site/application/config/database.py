"""Read as ``config.database.file``; ``database.test.py`` would replace it with MODE=test."""

import os

file = os.environ.get("DATABASE", "var/site.sqlite3")
