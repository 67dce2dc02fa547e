"""``rxkernel db``: revisions of the tables, applied by Alembic."""
