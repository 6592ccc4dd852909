"""A comparison from names to figures, on real files in real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from html.parser import HTMLParser
from importlib.metadata import version
from pathlib import Path

import pytest
from PIL import Image
from selection.conftest import MEASURED, SHORT, TOO_SMALL_FOR, Compared, kept_cells

from midrib.backbones.listing.counted import read_counts
from midrib.engines import ENGINES
from midrib.errors import ConfigError, UnknownNameError, UsageError
from midrib.pipeline import compare_backbones
from midrib.selection import (
    Cell,
    CostConfig,
    Facts,
    Findings,
    Published,
    candidates,
    measure_costs,
    published_top1,
)
from midrib.selection.findings import findings
from midrib.selection.kept import KeptCosts
from midrib.selection.page import render_page
from midrib.selection.plots import inline_picture
from midrib.selection.records import FIGURES
from midrib.selection.table import lines
from midrib.settings import Settings

POSSIBLE = {
    ("onnxruntime", "fp32"),
    ("onnxruntime", "int8"),
    ("openvino", "fp32"),
    ("openvino", "int8"),
}
"""What every machine can do."""


def test_every_engine_and_precision_is_measured(compared: Compared) -> None:
    """Each cell that this machine can run has a latency, a rate and a memory of its own."""
    found = compared.result.comparison.of(MEASURED)
    measured = {(cost.cell.engine, cost.cell.precision) for cost in found if cost.measured}
    assert measured >= POSSIBLE
    for cost in found:
        if not cost.measured:
            continue
        [one] = cost.findings.rounds
        assert one.calls >= 10
        assert 0 < one.p50_ms <= one.p99_ms
        assert one.pictures_per_second > 0
        assert one.memory_bytes is not None
        assert one.batch_memory_bytes is not None
        assert 0 < one.memory_bytes <= one.batch_memory_bytes


def test_the_file_is_the_one_that_would_be_served(compared: Compared) -> None:
    """A file weighs about four bytes a parameter, and its int8 twin much less."""
    counted = read_counts()[MEASURED]
    found = compared.result.comparison.of(MEASURED)
    by_way = {(cost.cell.engine, cost.cell.precision): cost for cost in found}
    whole = by_way["onnxruntime", "fp32"]
    assert whole.facts == Facts(
        height=48,
        width=48,
        features=counted.features,
        parameters=counted.parameters,
        multiply_adds=counted.multiply_adds,
    )
    assert whole.findings.file_bytes == pytest.approx(4 * counted.parameters, rel=0.2)
    assert (by_way["openvino", "int8"].findings.file_bytes or 0) < 0.5 * 4 * counted.parameters


def test_lesser_precisions_stand_where_the_processor_has_them(compared: Compared) -> None:
    """Cells of bf16 and fp16 are measured where engine and CPU have them, else they say why not."""
    for cost in compared.result.comparison.of(MEASURED):
        cell = cost.cell
        if cell.precision not in {"bf16", "fp16"}:
            continue
        able = cell.precision in ENGINES.get(cell.engine).precisions("cpu")
        assert cost.measured == able
        assert able or cost.reason.startswith("not on this CPU: ")


def test_a_cell_that_fails_shows_its_reason(compared: Compared) -> None:
    """A backbone that takes no such pictures says so in every cell, and hides none."""
    found = compared.result.comparison.of(TOO_SMALL_FOR)
    possible = [cost for cost in found if (cost.cell.engine, cost.cell.precision) in POSSIBLE]
    assert len(possible) == len(POSSIBLE)
    for cost in possible:
        assert "48×48 pixels are too small" in cost.reason
        assert cost.findings.rounds == ()
    shown = lines(compared.result.comparison)
    for cost in found:
        assert any(cost.cell.engine in line and cost.reason in line for line in shown)


def test_what_was_kept_survives_a_kill(compared: Compared) -> None:
    """After kill -9 and after Ctrl-C a run goes on: nothing is built or measured twice."""
    assert compared.kept_after_kill
    assert compared.kept_after_kill.items() <= compared.kept_after_interrupt.items()
    assert len(compared.kept_after_interrupt) > len(compared.kept_after_kill)
    assert compared.kept_after_interrupt.items() <= kept_cells(compared.settings).items()
    assert len(compared.built_after_kill) == 2
    assert compared.built_after_kill == compared.built_after_interrupt


def test_interruption_says_that_work_is_kept(compared: Compared) -> None:
    """Ctrl-C ends with exit code 130 and one line; nothing that was started is left behind."""
    assert compared.interrupted.returncode == 130
    last = compared.interrupted.stderr.strip().splitlines()[-1]
    assert last == (
        "midrib: stopped; what is finished is kept; the same command goes on from there"
    )
    home = str(compared.settings.costs).encode()
    running = [path.read_bytes() for path in _command_lines()]
    assert not any(home in command for command in running)


def _command_lines() -> list[Path]:
    return [path for path in Path("/proc").glob("[0-9]*/cmdline") if path.is_file()]


def test_a_second_call_measures_nothing(compared: Compared) -> None:
    """What is kept is recalled, and the progress has no step but the last."""
    steps: list[str] = []
    again = measure_costs(
        [MEASURED],
        SHORT,
        compared.settings.costs,
        progress=lambda _done, _total, text: steps.append(text),
    )
    assert steps == [""]
    before = compared.result.comparison.of(MEASURED)
    assert [cost.findings for cost in again] == [cost.findings for cost in before]


def test_fresh_measures_again(compared: Compared) -> None:
    """With ``fresh`` what is kept gives way; eager torch has no file, and needs none built."""
    config = SHORT.model_copy(update={"engines": ("torch",)})
    folder, cell = compared.settings.costs, Cell(MEASURED, "torch", "fp32")
    [any_round, *_] = compared.result.comparison.of(MEASURED)[0].findings.rounds
    KeptCosts(folder, config).keep(cell, Findings(rounds=(any_round,)))
    [recalled] = measure_costs([MEASURED], config, folder)
    assert recalled.findings.rounds == (any_round,)

    [fresh] = measure_costs([MEASURED], config, folder, fresh=True)
    assert fresh.measured
    [measured] = fresh.findings.rounds
    assert measured != any_round
    assert measured.load_seconds is None
    assert fresh.findings.file_bytes is None


def test_no_model_is_left_on_the_disk(compared: Compared) -> None:
    """Models are kept while they are measured, and what is known of them afterwards too."""
    assert list(compared.settings.costs.rglob("*.onnx")) == []
    assert len(list(compared.settings.costs.rglob("facts.json"))) == 1


def test_record_is_json_with_every_figure(compared: Compared) -> None:
    """The JSON has machine, versions, options and, for each cell, spreads or a reason."""
    record = json.loads((compared.result.folder / "comparison.json").read_text())
    assert record == json.loads(json.dumps(compared.result.as_record()))
    assert record["libraries"]["nncf"] == version("nncf")
    assert "cores" in record["machine"]["processor"]
    assert record["options"]["size"] == 48
    for cell in record["cells"]:
        assert set(FIGURES) < cell.keys()
        if cell["reason"]:
            assert cell["p50_ms"] is None
        else:
            spread = cell["p50_ms"]
            assert spread["low"] <= spread["median"] <= spread["high"]
    assert record["published"][MEASURED]["source"].startswith("torchvision")


class _Page(HTMLParser):
    """Collects every address that a browser could follow, and insists that tags nest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href"}]

    def handle_data(self, data: str) -> None:
        self.text += f" {data.strip()}"


def test_page_needs_nothing_beside_it(compared: Compared) -> None:
    """The page has every cell and its reason, runs no script and names no address outside it."""
    html = compared.result.page.read_text()
    page = _Page(html)
    assert all(address.startswith("#") for address in page.addresses)
    assert "script" not in page.tags
    assert "http:" not in html
    assert "https:" not in html
    assert "@import" not in html
    for cost in compared.result.comparison.costs:
        assert cost.measured or cost.reason in page.text
    assert "svg" in page.tags
    assert "published top-1" in page.text


def test_picture_is_a_png(compared: Compared) -> None:
    """The picture opens, is wide enough to read and not empty."""
    with Image.open(compared.result.picture) as picture:
        assert picture.format == "PNG"
        assert picture.width > 1000
        assert len(set(picture.convert("L").tobytes())) > 20


def test_names_that_could_be_markup_are_escaped(compared: Compared) -> None:
    """A reason with angle brackets is text on the page, not a tag."""
    costs = [replace(cost, reason="<b>x</b>") for cost in compared.result.comparison.costs]
    html = render_page(replace(compared.result.comparison, costs=costs))
    assert "<b>x</b>" not in html
    assert "&lt;b&gt;x" in html


def test_a_comparison_of_failures_is_still_drawn(compared: Compared) -> None:
    """Where nothing could be measured the picture is empty and the page says why."""
    failed = compared.result.comparison.of(TOO_SMALL_FOR)
    nothing = replace(compared.result.comparison, costs=failed)
    assert inline_picture(nothing).startswith("<svg")
    assert "too small" in render_page(nothing)
    assert findings(nothing) == []


def test_accuracy_is_marked_as_published(compared: Compared) -> None:
    """The published figure stands in the table and a note says that it was not measured here."""
    told = {MEASURED: Published(76.5, "somebody")}
    shown = lines(replace(compared.result.comparison, published=told))
    assert shown[0].endswith("published top-1 %")
    assert shown[1].endswith("76.5")
    assert any("published, not measured here" in line for line in shown)


def test_published_accuracy_has_a_source() -> None:
    """Catalogue and torchvision are quoted with who said so; of others nothing is told."""
    for name in ("darknet53", "resnet18", "torchvision:squeezenet1_1"):
        found = published_top1(name)
        assert found is not None
        assert 50 < found.top1 < 90
        assert found.source
    assert published_top1("timm:test_resnet") is None


def test_slower_int8_is_told(compared: Compared) -> None:
    """Where the int8 file takes longer than the float file, the findings say so."""
    comparison = compared.result.comparison

    def slowed(factor: float) -> str:
        costs = []
        for cost in comparison.of(MEASURED):
            ms = 4.0 * (factor if cost.cell.precision == "int8" else 1)
            rounds = tuple(each.model_copy(update={"p50_ms": ms}) for each in cost.findings.rounds)
            found = cost.findings.model_copy(update={"rounds": rounds})
            costs.append(replace(cost, findings=found))
        return " ".join(findings(replace(comparison, costs=costs)))

    assert f"{MEASURED} in onnxruntime (8 against 4 ms)" in slowed(2)
    assert "slower" not in slowed(0.5)


def test_names_are_known_before_anything_is_measured(compared: Compared) -> None:
    """Misspelt backbones, engines, precisions and devices are refused with what is near or here."""
    settings = compared.settings
    with pytest.raises(UnknownNameError, match="did you mean 'resnet50'"):
        compare_backbones([MEASURED, "resnet5"], settings=settings)
    with pytest.raises(UnknownNameError, match="test_resnet"):
        compare_backbones(["timm:test_resne"], settings=settings)
    with pytest.raises(UnknownNameError, match="did you mean 'openvino'"):
        CostConfig(engines=("openvinoo",))
    with pytest.raises(UnknownNameError, match="did you mean 'int8'"):
        CostConfig(precisions=("int4",))  # type: ignore[arg-type]  # what a user may type
    with pytest.raises(UsageError, match=r"no engine here runs on 'abacus'; expected .* has cpu"):
        compare_backbones([MEASURED], config=CostConfig(device="abacus"), settings=settings)
    with pytest.raises(ConfigError, match="seconds"):
        CostConfig(seconds=0)


def test_candidates_are_named_once() -> None:
    """Spellings of one name are one backbone, in the order that they were typed."""
    assert candidates(["ResNet-18", "timm:test_resnet", "resnet18"]) == [
        "resnet18",
        "timm:test_resnet",
    ]
    with pytest.raises(UsageError, match="no backbone"):
        candidates([])


def test_nothing_to_measure_is_refused(tmp_path: Path) -> None:
    """Eager torch at another precision than fp32 is no cell: the error says what can be asked."""
    config = CostConfig(engines=("torch",), precisions=("int8",))
    with pytest.raises(UsageError, match=r"torch is not measured at int8; expected fp32 in torch"):
        compare_backbones([MEASURED], config=config, settings=Settings(home=tmp_path))
    assert not any(tmp_path.iterdir())


def test_engines_and_precisions_count_once() -> None:
    """What is given twice is measured once, in the order that it was first given."""
    config = CostConfig(
        engines=("openvino", "onnxruntime", "openvino"), precisions=("int8", "fp32", "int8")
    )
    assert config.engines == ("openvino", "onnxruntime")
    assert config.precisions == ("int8", "fp32")


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a signal")
def test_an_interrupted_fresh_comparison_says_how_to_go_on(tmp_path: Path) -> None:
    """With --fresh the same command would start over, so Ctrl-C says to leave it out."""
    command = [sys.executable, "-c", "from midrib.cli import main; main()", "backbones", "compare"]
    running = subprocess.Popen(
        [*command, MEASURED, "--engine", "onnxruntime", "--precision", "fp32", "--fresh"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        env={**os.environ, "MIDRIB_HOME": str(tmp_path)},
    )
    costs, deadline = Settings(home=tmp_path).costs, time.monotonic() + 60
    while not (costs / "lock").exists() and time.monotonic() < deadline:
        threading.Event().wait(0.05)
    os.killpg(running.pid, signal.SIGINT)
    _, told = running.communicate(timeout=60)
    assert running.returncode == 130
    assert told.strip().splitlines()[-1] == (
        "midrib: stopped; what is finished is kept; the same command without --fresh goes on"
    )


@pytest.mark.parametrize(
    "name",
    ["timm:shufflenet_v1_x0_5_g8", "timm:test_resnet.r160_in1k", "torchvision:vit_b_16"],
)
def test_candidates_are_what_the_adapters_take(name: str) -> None:
    """Networks of ours and tags of weights are known behind the prefix of a library."""
    assert candidates([name]) == [name]


def test_unknown_models_of_a_library_get_the_nearest() -> None:
    """A model that its library does not have is refused with those that look like it."""
    with pytest.raises(UnknownNameError, match="'shufflenet_v1_x0_5_g8'"):
        candidates(["timm:shufflenet_v1_x0_5_g9"])
    with pytest.raises(UnknownNameError, match="did you mean 'vit_b_16'"):
        candidates(["torchvision:vit_b_1"])
