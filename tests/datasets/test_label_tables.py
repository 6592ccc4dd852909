from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from midrib.datasets import read_dataset
from midrib.errors import DatasetError

Draw = Callable[..., Path]

ROWS = [(f"pictures/{label}-{number}.png", label) for label in ("cat", "dog") for number in "123"]


@pytest.fixture
def root(tmp_path: Path, draw: Draw) -> Path:
    """A folder with the pictures that ROWS name, and no table."""
    for path, _ in ROWS:
        draw(tmp_path / "data" / path)
    return tmp_path / "data"


def write_csv(root: Path, *more: str, header: str = "path,label") -> Path:
    """A table of ROWS and further lines."""
    table = root / "labels.csv"
    lines = [header, *(f"{path},{label}" for path, label in ROWS), *more]
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return table


def refusal(source: Path, **options: bool) -> str:
    """The one line with which ``source`` is refused."""
    with pytest.raises(DatasetError) as caught:
        read_dataset(source, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_csv_in_the_folder_or_given_directly_is_the_same(root: Path) -> None:
    """labels.csv is found in the folder, and can be named itself."""
    table = write_csv(root)
    dataset = read_dataset(root)
    assert dataset.counts() == {"unsplit": {"cat": 3, "dog": 3}}
    assert read_dataset(table).items == dataset.items
    assert dataset.items[0].path == root / "pictures" / "cat-1.png"


def test_jsonl_equals_csv(root: Path) -> None:
    """The same rows as JSON lines make the same dataset; numbers may be labels."""
    version = read_dataset(write_csv(root)).version
    table = root / "other.jsonl"
    table.write_text("\n".join(json.dumps({"path": p, "label": b}) for p, b in ROWS) + "\n\n")
    assert read_dataset(table).version == version
    table.write_text("\n".join(json.dumps({"path": p, "label": len(p) % 2}) for p, _ in ROWS[:5]))
    assert "one class only, '0'" in refusal(table)


def test_a_split_column_is_kept_and_may_be_blank(root: Path) -> None:
    """Splits come from the table, under any of their names; blank means not decided."""
    table = root / "labels.csv"
    splits = ["train", "Val", "", "train", "test", "validation"]
    rows = [f"{path},{split},{label}" for (path, label), split in zip(ROWS, splits, strict=True)]
    table.write_text("\n".join(["path,split,label", *rows]))
    found = [item.split for item in read_dataset(table).items]
    assert found == ["train", "validation", None, "train", "test", "validation"]


def test_spreadsheet_habits_are_read(root: Path) -> None:
    """A byte order mark, capital headings, quoted fields, blank lines and more columns are fine."""
    table = root / "labels.csv"
    rows = [f'"{path}","{label}","a ""note"", here"' for path, label in ROWS]
    text = "\r\n".join(["Path,Label,Note", "", *rows, ""])
    table.write_bytes(text.encode("utf-8-sig"))
    assert len(read_dataset(root, strict=True).items) == 6


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("pictures/cat-1.png", "1 fields, not 2"),
        ("pictures/cat-1.png,cat,train", "3 fields, not 2"),
        ('"pictures/cat-1.png,cat', "not valid CSV"),
        (",cat", "the path is ''"),
        ("pictures/cat-1.png, ", "the label is ' '"),
        ("a\0.png,cat", ""),
    ],
)
def test_a_malformed_row_is_named_by_file_and_line(line: str, what: str, root: Path) -> None:
    """A row that cannot be meant is told with its place, and refused where that is asked for."""
    table = write_csv(root, line)
    message = refusal(table, strict=True)
    assert re.search(r"labels\.csv( \(bad row:|,) line 8: ", message)
    assert what in message
    if "not valid CSV" not in message:
        assert [problem.path for problem in read_dataset(table).problems] == [table]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ('["a.png", "cat"]', "a list"),
        ('{"path": "pictures/cat-1.png"}', "the label is None"),
        ('{"path": "pictures/cat-1.png", "label": true}', "the label is True"),
        ('{"path": 3, "label": "cat"}', "the path is 3"),
        ('{"path": "\\ud800.png", "label": "cat"}', "the path is"),
        ('{"path": "a\\u0000.png", "label": "cat"}', "the path is"),
        ('{"path": "pictures/cat-1.png", "label": "\\ud800"}', "the label is"),
        ('{"path": "pictures/cat-1.png", "label": "cat", "split": "tran"}', "did you mean 'train'"),
    ],
)
def test_a_malformed_json_line_is_named_by_file_and_line(
    line: str, what: str, tmp_path: Path, draw: Draw
) -> None:
    """A JSON line that cannot be meant is told with its place."""
    table = tmp_path / "labels.jsonl"
    draw(tmp_path / "a.png")
    table.write_text(f'{{"path": "a.png", "label": "cat"}}\n{line}\n')
    message = refusal(table, strict=True)
    assert "labels.jsonl (bad row: line 2: " in message
    assert what in message


@pytest.mark.parametrize("path", ["../secret.png", "pictures/../pictures/cat-1.png", "/etc/passwd"])
def test_paths_that_leave_the_folder_are_refused(path: str, root: Path) -> None:
    """Neither '..' nor an absolute path elsewhere is followed."""
    assert "leaves" in refusal(write_csv(root, f"{path},cat"), strict=True)


def test_links_that_leave_the_folder_are_refused(root: Path, tmp_path: Path, draw: Draw) -> None:
    """A link in the folder cannot be used to reach a file outside."""
    draw(tmp_path / "outside" / "a.png")
    (root / "way-out").symlink_to(tmp_path / "outside")
    assert "leaves" in refusal(write_csv(root, "way-out/a.png,cat"), strict=True)


def test_absolute_paths_inside_the_folder_are_read(root: Path) -> None:
    """An absolute path is fine where it stays in the table's folder."""
    table = root / "labels.csv"
    table.write_text("path,label\n" + "".join(f"{root / path},{label}\n" for path, label in ROWS))
    assert len(read_dataset(table).items) == 6


def test_a_missing_picture_is_a_problem_and_strict_refuses(root: Path) -> None:
    """A picture that is named but not there is left out, named and counted."""
    table = write_csv(root, "pictures/gone.png,cat")
    problems = read_dataset(table).problems
    assert [(p.path.name, p.kind) for p in problems] == [("gone.png", "missing")]
    assert "gone.png (missing" in refusal(table, strict=True)


def test_a_table_of_missing_pictures_only_is_refused(tmp_path: Path) -> None:
    """Where nothing is there the table most likely lies in the wrong place."""
    (tmp_path / "labels.csv").write_text("path,label\na.png,cat\nb.png,dog\n")
    message = refusal(tmp_path)
    assert "(2) none is there" in message
    assert "move the table" in message


def test_an_impossible_path_is_a_problem(root: Path) -> None:
    """A name longer than the file system allows is left out like an unreadable file."""
    table = write_csv(root, f"{'x' * 5000}.png,cat")
    assert [problem.kind for problem in read_dataset(table).problems] == ["unreadable"]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "no column 'path'"),
        (b"image,label\na.png,cat\n", "no column 'path'"),
        (b"path,class\na.png,cat\n", "no column 'label'"),
        (b"path,label\n", "names no picture"),
        (b"path,label\n\xff\xfe.png,cat\n", "line 2: not UTF-8"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(content: bytes, what: str, tmp_path: Path) -> None:
    """Missing columns, no rows and other encodings are told apart."""
    (tmp_path / "labels.csv").write_bytes(content)
    assert what in refusal(tmp_path)


def test_two_tables_are_refused(root: Path) -> None:
    """With labels.csv and labels.jsonl in one folder neither is guessed."""
    write_csv(root)
    (root / "labels.jsonl").write_text("")
    assert "both labels.csv and labels.jsonl" in refusal(root)


def test_rows_of_one_picture_that_contradict_each_other_are_told(root: Path) -> None:
    """A picture is in the split of its first row; blank is as above, another one is a bad row."""
    path = ROWS[0][0]
    told = ["train,cat,1,1,3,3", ",cat,1,1,4,4", "test,cat,1,1,5,5"]
    rows = [f"{path},{row}" for row in told] + [f"{ROWS[3][0]},test,dog,1,1,3,3"]
    table = root / "labels.csv"
    table.write_text("\n".join(["path,split,label,xmin,ymin,xmax,ymax", *rows, ""]))
    dataset = read_dataset(table, needs="nothing")
    [problem] = dataset.problems
    assert (problem.kind, problem.reason[:6]) == ("bad row", "line 4")
    assert [(item.split, len(item.annotations)) for item in dataset.items] == [
        ("train", 2),
        ("test", 1),
    ]


def test_an_edge_of_any_type_is_told(root: Path) -> None:
    """An edge may be whatever JSON has: what is no number is told with its line."""
    path = ROWS[0][0]
    edges = '"xmin": [], "ymin": {}, "xmax": null, "ymax": ""'
    (root / "labels.jsonl").write_text(f'{{"path": "{path}", "label": "cat", {edges}}}\n')
    [problem] = read_dataset(root / "labels.jsonl", needs="nothing").problems
    assert (problem.kind, problem.reason[:6]) == ("not a number", "line 1")
