"""Executed by Alembic in each command, with the options of `Migrations`."""

from alembic import context

context.configure(**context.config.attributes["options"])
with context.begin_transaction():
    context.run_migrations()
