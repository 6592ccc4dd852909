"""What tells two indexes apart, picture by picture, known by their contents. Asked with DuckDB.

Pictures are the same where their files are, byte for byte, whatever they are called. Only rows that
differ are looked at closely, so that two versions that are nearly the same are compared quickly.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from midrib.datasets.index.description import TABLE
from midrib.datasets.records import UNSPLIT
from midrib.errors import DatasetError, MissingExtraError

if TYPE_CHECKING:
    import duckdb

ChangeKind = Literal[
    "added", "removed", "relabelled", "re-annotated", "regrouped", "moved", "copied"
]
"""``moved`` from one split to another; ``copied``: there are more or fewer files of it."""

CHANGES: tuple[ChangeKind, ...] = get_args(ChangeKind)

_NEVER_FETCH: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "memory_limit": "1GB",
}
_TOGETHER = 1000

_ROWS = """
CREATE TEMP VIEW {side} AS
SELECT sha256, path, list_sort(labels) AS labels, coalesce(split, '{unsplit}') AS split,
       coalesce("group", '') AS grouped, annotations_sha256 AS annotated,
       len(annotations) AS objects
FROM {side}_table
"""

# Rows that are equal but for their path cancel each other out, copies one by one.
_TOUCHED = """
CREATE TEMP TABLE touched AS SELECT DISTINCT sha256 FROM (
    (SELECT sha256, labels, split, grouped, annotated FROM old
     EXCEPT ALL SELECT sha256, labels, split, grouped, annotated FROM new)
    UNION ALL
    (SELECT sha256, labels, split, grouped, annotated FROM new
     EXCEPT ALL SELECT sha256, labels, split, grouped, annotated FROM old)
)
"""

_GATHERED = """
CREATE TEMP TABLE {side}_pictures AS
SELECT sha256, count(*) AS files, min(path) AS path,
       list({{'path': path, 'labels': labels, 'split': split, 'group': grouped,
              'objects': objects}} ORDER BY path) AS copies,
       list_sort(list(labels)) AS labels,
       list_sort(list(split)) AS splits,
       list_sort(list(grouped)) AS groups,
       list_sort(list(coalesce(hex(annotated), ''))) AS annotated,
       array_to_string(list_sort(list_distinct(flatten(list(labels)))), ' + ') AS told_labels,
       array_to_string(list_sort(list_distinct(list(split))), ' + ') AS told_splits,
       array_to_string(list_sort(list_distinct(list(grouped))), ' + ') AS told_groups
FROM {side} SEMI JOIN touched USING (sha256) GROUP BY sha256
"""

# With as many copies on both sides each counts; with more or fewer only what occurs.
_PAIRED = """
CREATE TEMP TABLE paired AS
SELECT sha256, coalesce(n.path, o.path) AS path, o.copies AS old_copies, n.copies AS new_copies,
       o.files AS old_files, n.files AS new_files, o.told_labels AS old_labels,
       n.told_labels AS new_labels, o.told_splits AS old_splits, n.told_splits AS new_splits,
       o.told_groups AS old_groups, n.told_groups AS new_groups,
       o.sha256 IS NOT NULL AND n.sha256 IS NOT NULL AS in_both,
       in_both AND o.files <> n.files AS copied,
       in_both AND {labels} AS relabelled,
       in_both AND {annotated} AS re_annotated,
       in_both AND {groups} AS regrouped,
       in_both AND ({splits} OR NOT (copied OR relabelled OR re_annotated OR regrouped)) AS moved
FROM old_pictures o FULL JOIN new_pictures n USING (sha256)
"""

_DIFFER = (
    "CASE WHEN o.files = n.files THEN o.{0} <> n.{0}"
    " ELSE list_sort(list_distinct(o.{0})) <> list_sort(list_distinct(n.{0})) END"
)

_CHANGES = """
CREATE TEMP VIEW changes AS
SELECT 0 AS rank, 'added' AS kind, new_splits AS part, * FROM paired WHERE old_files IS NULL
UNION ALL
SELECT 1, 'removed', old_splits, * FROM paired WHERE new_files IS NULL
UNION ALL
SELECT 2, 'relabelled', old_labels || ' → ' || new_labels, * FROM paired WHERE relabelled
UNION ALL
SELECT 3, 're-annotated', '', * FROM paired WHERE re_annotated
UNION ALL
SELECT 4, 'regrouped', old_groups || ' → ' || new_groups, * FROM paired WHERE regrouped
UNION ALL
SELECT 5, 'moved', old_splits || ' → ' || new_splits, * FROM paired WHERE moved
UNION ALL
SELECT 6, 'copied', old_files || ' → ' || new_files || ' files', * FROM paired WHERE copied
"""


@dataclass(frozen=True)
class Copy:
    """One file of a picture: ``path`` as the index has it, ``objects`` its annotations' number."""

    path: str
    labels: tuple[str, ...]
    split: str
    group: str
    objects: int

    def as_record(self) -> dict[str, object]:
        return {
            "path": self.path,
            "labels": list(self.labels),
            "split": self.split,
            "group": self.group,
            "objects": self.objects,
        }


@dataclass(frozen=True)
class Change:
    """One picture that is not what it was. A picture may have changed in several ways.

    ``part`` says in which way of its kind, as 'train → test'. ``before`` and ``after`` are its
    files on both sides, none where there is none.
    """

    kind: ChangeKind
    sha256: str
    path: str
    part: str
    before: tuple[Copy, ...]
    after: tuple[Copy, ...]

    def as_record(self) -> dict[str, object]:
        """JSON-ready."""
        return {
            "change": self.kind,
            "sha256": self.sha256,
            "path": self.path,
            "before": [copy.as_record() for copy in self.before],
            "after": [copy.as_record() for copy in self.after],
        }


class Comparison:
    """Two indexes side by side, while `compared` keeps them open."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def counts(self) -> dict[ChangeKind, dict[str, int]]:
        """Pictures by kind of change and, most frequent first, by its part; all kinds are there."""
        rows = self._connection.execute(
            "SELECT kind, part, count(*) AS pictures FROM changes GROUP BY kind, part"
            " ORDER BY pictures DESC, part"
        ).fetchall()
        return {
            kind: {part: pictures for found, part, pictures in rows if found == kind}
            for kind in CHANGES
        }

    def changes(self, *, most_of_a_kind: int | None = None) -> Iterator[Change]:
        """Every change, or the first of each kind: by kind, then by path. Read as it is asked."""
        found = self._connection.execute(
            "SELECT kind, sha256, path, part, old_copies, new_copies FROM changes"
            " QUALIFY $most IS NULL"
            " OR row_number() OVER (PARTITION BY kind ORDER BY path, sha256) <= $most"
            " ORDER BY rank, path, sha256",
            {"most": most_of_a_kind},
        )
        while rows := found.fetchmany(_TOGETHER):
            for kind, sha256, path, part, before, after in rows:
                yield Change(kind, sha256.hex(), path, part, _copies(before), _copies(after))


@contextmanager
def compared(old: Path, new: Path) -> Iterator[Comparison]:
    """Compare the indexes in two folders. What does not fit in a gigabyte waits on the disk.

    Raises:
        DatasetError: one of them cannot be read.
        MissingExtraError: DuckDB is not installed.
    """
    try:
        import duckdb
    except ImportError:
        raise MissingExtraError("comparing data", extra="server") from None

    with (
        tempfile.TemporaryDirectory(prefix="midrib-compare-") as aside,
        duckdb.connect(config={**_NEVER_FETCH, "temp_directory": aside}) as connection,
    ):
        try:
            for side, folder in (("old", old), ("new", new)):
                # DuckDB takes * and [ in a path for a pattern, and folders may be called so.
                link = Path(aside) / f"{side}.parquet"
                link.symlink_to((folder / TABLE).resolve())
                connection.read_parquet(str(link)).create_view(f"{side}_table")
                connection.execute(_ROWS.format(side=side, unsplit=UNSPLIT))
            connection.execute(_TOUCHED)
            for side in ("old", "new"):
                connection.execute(_GATHERED.format(side=side))
            columns = ("labels", "annotated", "splits", "groups")
            connection.execute(_PAIRED.format(**{each: _DIFFER.format(each) for each in columns}))
            connection.execute(_CHANGES)
        except duckdb.Error as problem:
            raise DatasetError(
                f"{old} and {new} cannot be compared: {problem}"[:500],
                expected="two indexes that midrib wrote",
                todo="write them again with 'midrib data index'",
            ) from None
        yield Comparison(connection)


def _copies(rows: list[dict[str, Any]] | None) -> tuple[Copy, ...]:
    return tuple(
        Copy(row["path"], tuple(row["labels"]), row["split"], row["group"], row["objects"])
        for row in rows or ()
    )
