"""The tables as they are now. How they came to be so stands in ``migrations``."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    Column,
    DateTime,
    Dialect,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
)

REVISION = "0001"
"""The newest migration: what a database must stand at before it is used."""

REVISION_TABLE = "midrib_revision"
"""Our own table for it: MLflow, which may share the database, uses alembic's default one."""

NAME_LENGTH = 100


class Moment(TypeDecorator[datetime]):
    """A point in time, in UTC whatever the database makes of time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        if value is None:
            return None
        # SQLite keeps no time zone and gives back what was written, which was UTC.
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData()

model_version = Table(
    "model_version",
    metadata,
    Column("name", String(NAME_LENGTH), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("location", String, nullable=False),
    Column("manifest_sha256", String(64), nullable=False),
    Column("run", String(NAME_LENGTH), nullable=False),
    Column("created", Moment, nullable=False),
)

release = Table(
    "release",
    metadata,
    Column("name", String(NAME_LENGTH), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("previous", Integer),
    Column("generation", Integer, nullable=False),
    Column("changed", Moment, nullable=False),
    ForeignKeyConstraint(
        ["name", "version"],
        ["model_version.name", "model_version.version"],
        name="release_version_is_published",
    ),
    ForeignKeyConstraint(
        ["name", "previous"],
        ["model_version.name", "model_version.version"],
        name="release_previous_is_published",
    ),
)
