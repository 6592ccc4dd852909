"""What alembic runs: the caller's connection, inside the caller's transaction."""

from __future__ import annotations

from alembic import context

from midrib.state.schema import REVISION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=REVISION_TABLE,
)
context.run_migrations()
