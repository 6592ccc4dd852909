"""Which cells of the matrix are tried, and what becomes of those that were tried before."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.harness import Row, Spread
from benchmarks.matrix import QUICK_CELLS, chosen_pairs, once_each, with_standing
from midrib.backbones.catalogue import CATALOGUE
from midrib.storage import write_json
from midrib.tasks import ALGORITHMS

names = st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=9, unique=True)


@given(names, names)
def test_each_is_in_some_pair(backbones: list[str], algorithms: list[str]) -> None:
    """Every backbone and every algorithm is tried, in as few cells as the longer list has."""
    pairs = once_each(backbones, algorithms)
    assert {one for one, _ in pairs} == set(backbones)
    assert {other for _, other in pairs} == set(algorithms)
    assert len(pairs) == max(len(backbones), len(algorithms))


def test_what_is_tried_quickly_is_little() -> None:
    """One member of each family, and each registered algorithm: twenty cells at most."""
    pairs = chosen_pairs(Namespace(quick=True, backbone=None, algorithm=None))
    families = {(CATALOGUE[name].family, CATALOGUE[name].source) for name, _ in pairs}
    assert families == {(each.family, each.source) for each in CATALOGUE.values()}
    assert {algorithm for _, algorithm in pairs} == set(ALGORITHMS)
    assert len(pairs) <= QUICK_CELLS


def test_the_whole_is_every_pair_unless_some_are_chosen() -> None:
    """Each backbone under each algorithm, or those that are named."""
    whole = chosen_pairs(Namespace(quick=False, backbone=None, algorithm=None))
    assert len(set(whole)) == len(CATALOGUE) * len(list(ALGORITHMS))
    some = Namespace(quick=False, backbone=["vgg16", "timm:vit_small"], algorithm=["unet", "ssd"])
    assert chosen_pairs(some) == [
        ("vgg16", "unet"),
        ("vgg16", "ssd"),
        ("timm:vit_small", "unet"),
        ("timm:vit_small", "ssd"),
    ]


def test_cells_that_are_not_tried_stay_as_they_were(tmp_path: Path) -> None:
    """New rows take the place of earlier ones of the same cell, in the order of the list."""
    file, megabytes = tmp_path / "matrix.json", {"median": 1.0, "low": 1.0, "high": 1.0}
    earlier = [
        {"case": "vgg16", "candidate": "unet ▸ ONNX", "figures": {"outcome": "failed"}},
        {"case": "vgg16", "candidate": "ssd ▸ ONNX", "figures": {"file MB": megabytes}},
    ]
    write_json(file, {"rows": earlier})
    tried = [
        Row(name, "unet ▸ ONNX", {"outcome": "passed"}) for name in ("vgg16", "timm:x", "alexnet")
    ]
    rows = with_standing(tried, file)
    assert [row.case for row in rows] == ["alexnet", "vgg16", "vgg16", "timm:x"]
    assert rows[1].figures["file MB"] == Spread(1.0, 1.0, 1.0)
    assert rows[2].figures["outcome"] == "passed"
    assert with_standing(tried, tmp_path / "none.json")[0].case == "alexnet"
