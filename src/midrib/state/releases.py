"""Published versions, and which of them is live: one row, switched in one transaction."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Self

from sqlalchemy import Connection, Select, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from midrib.errors import UnknownNameError, UsageError
from midrib.names import unknown_name
from midrib.state.database import Database
from midrib.state.records import ModelVersion, Release
from midrib.state.schema import model_version, release

_SHOWN_VERSIONS = 20


class Releases:
    """Published versions and live ones. Safe among threads, processes and machines.

    Strongly consistent: whoever reads after a switch returned sees it, no reader sees a part of
    one, and of two switches at once each sees what the other left.

    Args:
        url: ``sqlite:///`` and a path on a local disk, or ``postgresql://``; opened at once.

    Raises:
        StateError: from here and from every method, when the database does not answer.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    def publish(
        self,
        name: str,
        version: int,
        *,
        location: str,
        manifest_sha256: str,
        run: str,
        created: datetime,
    ) -> ModelVersion:
        """Record a package under a name and a number; it is not live by that.

        Recording the same package again changes nothing and gives what stands.
        Raises ``UsageError`` when another package has that number.
        """
        published = ModelVersion(
            name=name,
            version=version,
            location=location,
            manifest_sha256=manifest_sha256,
            run=run,
            created=created.astimezone(UTC),
        )
        try:
            with self._database.writing() as connection:
                connection.execute(insert(model_version).values(vars(published)))
        except IntegrityError:
            standing = self.version(name, version)
            if (standing.location, standing.manifest_sha256) == (location, manifest_sha256):
                return standing
            raise UsageError(
                f"version {version} of '{name}' is another package, at {standing.location}",
                expected="a number that is free",
                todo=f"publish this one as version {self.next_version(name)}",
            ) from None
        return published

    def next_version(self, name: str) -> int:
        """One more than the highest version of ``name``; 1 for a new name.

        Nothing is reserved: ``publish`` refuses the second of two that took the same number.
        """
        highest = select(func.max(model_version.c.version)).where(model_version.c.name == name)
        with self._database.reading() as connection:
            return (connection.execute(highest).scalar() or 0) + 1

    def names(self) -> list[str]:
        """All published names, sorted."""
        with self._database.reading() as connection:
            return _names(connection)

    def versions(self, name: str | None = None) -> list[ModelVersion]:
        """The versions of ``name``, or of all names, oldest first.

        Raises ``UnknownNameError`` for a name that was never published.
        """
        query = select(model_version).order_by(model_version.c.name, model_version.c.version)
        if name is not None:
            query = query.where(model_version.c.name == name)
        with self._database.reading() as connection:
            found = [ModelVersion(**row) for row in connection.execute(query).mappings()]
            if name is not None and not found:
                raise unknown_name("model", name, _names(connection))
        return found

    def version(self, name: str, number: int) -> ModelVersion:
        """One published version. Raises ``UnknownNameError``, naming those there are."""
        with self._database.reading() as connection:
            row = connection.execute(_of(name, number)).mappings().one_or_none()
            if row is None:
                raise _unknown_version(connection, name, number)
        return ModelVersion(**row)

    def live(self, name: str) -> Release | None:
        """What is live under ``name``; None before its first release.

        One indexed read on a connection that is kept: meant to be polled.
        Raises ``UnknownNameError`` for a name that was never published.
        """
        with self._database.reading() as connection:
            standing = _live(connection, name)
            if standing is None:
                _require_name(connection, name)
        return standing

    def release(self, name: str, version: int) -> Release:
        """Make ``version`` live and remember which one was; nothing changes if it is live already.

        Raises ``UnknownNameError`` for a name or version that was never published.
        """
        with self._database.writing() as connection:
            _hold(connection, name)
            standing = _live(connection, name)
            if standing is not None and standing.version == version:
                return standing
            if connection.execute(_of(name, version)).first() is None:
                raise _unknown_version(connection, name, version)
            return _switch(connection, name, version, standing)

    def rollback(self, name: str) -> Release:
        """Make the previous version live again.

        The two change places, so a second rollback undoes the first.
        Raises ``UnknownNameError`` for a name that was never published, ``UsageError`` when no
        version was live before.
        """
        with self._database.writing() as connection:
            _hold(connection, name)
            standing = _live(connection, name)
            if standing is None or standing.previous is None:
                raise UsageError(
                    f"'{name}' has never been released"
                    if standing is None
                    else f"'{name}' has had no version live but {standing.version}",
                    expected="a version that was live before",
                    todo=f"choose one with 'midrib release {name} --version N'",
                )
            return _switch(connection, name, standing.previous, standing)


def _hold(connection: Connection, name: str) -> None:
    """Let one switch of ``name`` happen at a time, until the transaction ends.

    The first version's row stands for the name: the release's own may not be there yet.
    """
    first = (
        select(model_version.c.version)
        .where(model_version.c.name == name)
        .order_by(model_version.c.version)
        .limit(1)
    )
    if connection.execute(first.with_for_update()).first() is None:
        raise unknown_name("model", name, _names(connection))


def _switch(connection: Connection, name: str, version: int, standing: Release | None) -> Release:
    switched = Release(
        name=name,
        version=version,
        previous=standing.version if standing else None,
        generation=standing.generation + 1 if standing else 1,
        changed=datetime.now(UTC),
    )
    write = update(release).where(release.c.name == name) if standing else insert(release)
    connection.execute(write.values(vars(switched)))
    return switched


def _live(connection: Connection, name: str) -> Release | None:
    query = select(release).where(release.c.name == name)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else Release(**row)


def _of(name: str, number: int) -> Select[*tuple[object, ...]]:
    return select(model_version).where(
        model_version.c.name == name, model_version.c.version == number
    )


def _names(connection: Connection) -> list[str]:
    query = select(model_version.c.name).distinct().order_by(model_version.c.name)
    return list(connection.execute(query).scalars())


def _require_name(connection: Connection, name: str) -> None:
    names = _names(connection)
    if name not in names:
        raise unknown_name("model", name, names)


def _unknown_version(connection: Connection, name: str, number: int) -> UnknownNameError:
    query = select(model_version.c.version).where(model_version.c.name == name)
    numbers = list(connection.execute(query.order_by(model_version.c.version)).scalars())
    if not numbers:
        return unknown_name("model", name, _names(connection))
    shown = ", ".join(str(known) for known in numbers[-_SHOWN_VERSIONS:])
    earlier = "… " if len(numbers) > _SHOWN_VERSIONS else ""
    return UnknownNameError(
        f"'{name}' has no version {number}",
        expected=f"one of: {earlier}{shown}",
        todo="choose one of them, or publish it first",
    )
