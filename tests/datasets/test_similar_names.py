"""Names that only some systems, or some readers, tell apart."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

from midrib.datasets import check_dataset, read_dataset

Classes = Draw = Callable[..., Path]


def test_classes_that_differ_by_case_only_are_kept_apart_and_told(
    tmp_path: Path, draw: Draw
) -> None:
    """'Cat' and 'cat' are two classes, as they stand there, and the reader is warned of them."""
    for label in ("Cat", "cat", "tabby_cat", "Tabby cat", "Straße", "strasse", "dog"):
        for number in range(3):
            draw(tmp_path / label / f"{number}.png")
    dataset = read_dataset(tmp_path)
    assert len(dataset.labels) == 7
    findings = check_dataset(dataset).findings["similar-class"]
    assert {each.text for each in findings} == {
        "'Cat' and 'cat'",
        "'Tabby cat' and 'tabby_cat'",
        "'Straße' and 'strasse'",
    }


def test_one_name_in_two_unicode_forms_is_one_class(tmp_path: Path, draw: Draw) -> None:
    """What looks the same in every script is the same class, however it is encoded."""
    for form in ("NFC", "NFD"):
        for number in range(3):
            draw(tmp_path / unicodedata.normalize(form, "Bäume") / f"{form}-{number}.png")
            draw(tmp_path / "梨" / f"{form}-{number}.png")
    dataset = read_dataset(tmp_path)
    assert dataset.labels == (unicodedata.normalize("NFC", "Bäume"), "梨")
    assert dataset.counts()["unsplit"] == {"Bäume": 6, "梨": 6}


def test_files_that_some_systems_confuse_are_noted(tmp_path: Path, draw: Draw) -> None:
    """Two files whose names differ by case or Unicode form are both read, and both named."""
    for name in ("a.png", "A.PNG", "é.png", unicodedata.normalize("NFD", "é.png"), "b.png"):
        draw(tmp_path / "cat" / name)
    for name in ("a.png", "b.png", "c.png"):
        draw(tmp_path / "dog" / name)
    dataset = read_dataset(tmp_path)
    assert len(dataset.items) == 8
    report = check_dataset(dataset)
    assert {path.name for path in report.pictures("similar-file-name")} == {
        "a.png",
        "A.PNG",
        "é.png",
        unicodedata.normalize("NFD", "é.png"),
    }
    assert "similar-class" not in report.findings
