"""Executed by Alembic within each command; `Migrations` has prepared the options."""

from alembic import context

context.configure(**context.config.attributes["options"])
with context.begin_transaction():
    context.run_migrations()
