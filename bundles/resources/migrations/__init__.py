"""``rxkernel db``: revisions of the tables, applied by Alembic."""

import logging

_alembic = logging.getLogger("alembic")
if _alembic.level == logging.NOTSET:
    _alembic.setLevel(logging.WARNING)  # at INFO, its import and each connection write lines
