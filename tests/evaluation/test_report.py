from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from evaluation.conftest import Item
from PIL import Image
from tiny_package import make_tiny_package

from midrib.engines import load_predictor
from midrib.errors import UnknownNameError
from midrib.evaluation import Evaluation, evaluate_package
from midrib.evaluation.gallery import right_tiles, wrong_tiles
from midrib.evaluation.report import (
    Baseline,
    DataFacts,
    ReleaseEvent,
    ReportContent,
    render_report,
    write_report,
)
from midrib.evaluation.wording import duration, percent
from midrib.metrics import Interval
from midrib.packages import Decision, Package

SECTIONS = ("answers", "pictures", "scores", "training", "time", "releases", "monitoring", "facts")
VOID = frozenset({"meta", "img", "br", "link", "input"})


class _Page(HTMLParser):
    """Collects what a browser would find, and insists that tags nest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.pictures: list[dict[str, str]] = []
        self.roles: list[dict[str, str]] = []
        self.addresses: list[str] = []
        self.text = ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "img":
            self.pictures.append(found)
        if found.get("role") == "img":
            self.roles.append(found)
        self.addresses += [found[name] for name in ("src", "href", "action") if name in found]
        assert tag != "script"
        assert not any(name.startswith("on") for name in found)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


@pytest.fixture(scope="module")
def two_classes(
    tmp_path_factory: pytest.TempPathFactory, items: list[Item]
) -> tuple[Package, Evaluation]:
    package = make_tiny_package(
        tmp_path_factory.mktemp("two") / "colours",
        version=3,
        labels=("blue", "green"),
        decision=Decision(positive="blue", threshold=0.4),
    )
    two = [item for item in items if item.label != "red" and "red" not in item.path.name]
    predictor = load_predictor(package, engine="onnxruntime")
    return package, evaluate_package(package, two, predictor, split="test")


@pytest.fixture(scope="module")
def full(two_classes: tuple[Package, Evaluation]) -> ReportContent:
    package, evaluation = two_classes
    return ReportContent(
        card=package.card,
        evaluation=evaluation,
        baseline=Baseline("a linear probe", 0.8, Interval(0.05, 0.01, 0.09)),
        training=[
            {"step": 1, "epoch": 0, "train/loss": 0.9},
            {"step": 2, "epoch": 0, "train/loss": 0.5},
            {"step": 2, "epoch": 0, "validation/loss": 0.6, "validation/roc_auc": 0.91},
            {"step": 3, "epoch": 1, "train/loss": float("nan"), "validation/roc_auc": 0.88},
        ],
        stage_seconds={"data": 0.4, "train": 252.0, "publish": 0.0},
        data=DataFacts(
            "some pictures", "f" * 64, "CC0", {"test": {"blue": 7, "green": 6}}, ("ok",)
        ),
        releases=[ReleaseEvent("2026-11-21T23:01:10", 3, "released")],
        monitoring={
            "since": "2026-11-20T23:10:00",
            "until": "2026-11-21T23:10:00",
            "requests": 12,
            "requests_per_minute": 1.5,
            "versions": [
                {
                    "version": 3,
                    "verdict": "drifted",
                    "requests": 12,
                    "refused": 1,
                    "failed": 0,
                    "latency_ms": {"p50": 9.5},
                    "classes": {"blue": {"pictures": 11, "share": 1.0, "reference": 0.5}},
                    "comparisons": [
                        {
                            "measure": "brightness",
                            "verdict": "too few to tell",
                            "divergence": 0.2,
                            "by_chance": 0.4,
                            "pictures": 11,
                            "needed": 332,
                        }
                    ],
                }
            ],
        },
        machine={"Processor": "some processor"},
        libraries={"midrib": "0.1.0"},
    )


def test_the_page_needs_nothing_beside_it(full: ReportContent) -> None:
    """No script, no address outside the page, pictures inside it, and a policy that says so."""
    html = render_report(full)
    page = _Page(html)
    assert all(address.startswith(("#", "data:image/")) for address in page.addresses)
    assert "http://" not in html
    assert "https://" not in html
    assert "url(" not in re.sub(r"url\(#[\w-]+\)", "", html)
    assert "default-src 'none'" in html
    assert not re.search(r"#00000[1-5]\b", html)
    assert len(page.ids) == len(set(page.ids))
    for address in page.addresses:
        if address.startswith("#"):
            assert address[1:] in page.ids


def test_everything_that_is_given_is_told(full: ReportContent) -> None:
    """Each section stands with its facts: verdict, baseline, data, licence, releases, machine."""
    page = _Page(render_report(full))
    text = " ".join(page.text.split())
    headline = full.evaluation.score("roc_auc")
    for told in (
        f"{headline.value:.3f}",
        f"95 % interval {headline.low:.3f} to {headline.high:.3f}",
        "Shown one blue and one green picture",
        "A linear probe reaches 0.800: this model is 0.050 better",
        "+0.010 to +0.090), more than chance",
        "best: 0.910 at step 2",
        "4 min 12 s",
        "CC0",
        "version 3 released",
        "12 requests between 2026-11-20 23:10",
        "drifted",
        "11 pictures so far; all verdicts take 332",
        "some processor",
        "blue from 0.400",
        "32 × 32 pixels",
    ):
        assert told in text
    assert set(SECTIONS) <= set(page.ids)


def test_what_is_not_given_has_no_section(package: Package, evaluation: Evaluation) -> None:
    """A report of nothing but an evaluation has neither empty sections nor links to them."""
    page = _Page(render_report(ReportContent(card=package.card, evaluation=evaluation)))
    assert [name for name in SECTIONS if name in page.ids] == [
        "answers", "pictures", "scores", "facts",
    ]  # fmt: skip
    assert "5 of 40 pictures were decided wrongly" in " ".join(page.text.split())


def test_pictures_and_curves_can_be_read_by_those_who_cannot_see(full: ReportContent) -> None:
    """Every picture has a text that names its answer and truth; every curve says what it shows."""
    page = _Page(render_report(full))
    assert len(page.pictures) > 6
    assert all(re.search(r"answered \w+ with .* in truth \w+", one["alt"]) for one in page.pictures)
    assert len(page.roles) == 6
    assert all(len(one["aria-label"]) > 20 for one in page.roles)


def test_text_from_outside_cannot_become_markup(
    tmp_path: Path, two_classes: tuple[Package, Evaluation]
) -> None:
    """Labels, file names and reasons that look like HTML are shown as they are."""
    package, evaluation = two_classes
    evil = "<script>alert(1)</script>"
    evaluation = replace(
        evaluation,
        labels=(evil, '"onload="x'),
        positive=evil,
        paths=tuple(tmp_path / '<img src=x onerror="y">.png' for _ in evaluation.paths),
    )
    content = ReportContent(
        card=package.card,
        evaluation=evaluation,
        title=evil,
        releases=[ReleaseEvent(evil, 1, evil)],
        data=DataFacts(evil, evil, evil, {evil: {evil: 1}}, (evil,)),
        machine={evil: evil},
    )
    html = render_report(content)
    page = _Page(html)
    assert "<script" not in html
    assert evil in page.text
    assert page.pictures == []
    assert "no longer" in page.text


def test_the_most_confident_mistakes_come_first(evaluation: Evaluation) -> None:
    """Wrong tiles fall in probability; right tiles take classes in turn; each holds a picture."""
    wrong, right = wrong_tiles(evaluation), right_tiles(evaluation, most=6)
    assert len(wrong) == 5
    assert all(tile.truth != tile.answer for tile in wrong)
    probabilities = [tile.probability for tile in wrong]
    assert probabilities == sorted(probabilities, reverse=True)
    assert [tile.truth for tile in right] == ["blue", "green", "red"] * 2
    data = base64.b64decode(wrong[0].source.removeprefix("data:image/webp;base64,"))
    with Image.open(io.BytesIO(data)) as picture:
        assert max(picture.size) <= 192


def test_many_classes_list_their_mistakes(package: Package, evaluation: Evaluation) -> None:
    """With too many classes for a matrix the most frequent mistakes stand in a list."""
    labels = tuple(f"class {index}" for index in range(20))
    random = np.random.default_rng(0)
    answer = random.dirichlet(np.ones(20), len(evaluation)).astype(np.float32)
    many = replace(evaluation, labels=labels, answer=answer, decided=answer.argmax(axis=1))
    page = _Page(render_report(ReportContent(card=package.card, evaluation=many)))
    assert "Most frequent mistakes" in page.text


def test_a_report_is_written_whole(tmp_path: Path, full: ReportContent) -> None:
    """The file holds the page; a headline that was not measured is refused with those that were."""
    path = tmp_path / "report.html"
    write_report(full, path)
    assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")
    with pytest.raises(UnknownNameError, match="did you mean 'accuracy'"):
        render_report(replace(full, headline="acuracy"))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (38.2, "38 s"), (252, "4 min 12 s"), (7500, "2 h 5 min")],
)
def test_durations_read_like_speech(seconds: float, said: str) -> None:
    """Seconds are told in the unit that people would use."""
    assert duration(seconds) == said


def test_shares_are_never_rounded_to_certainty() -> None:
    """Only exactly all and exactly nothing are 100 % and 0 %."""
    shares = [percent(share) for share in (1.0, 0.99999, 0.5, 0.0001, 0.0)]
    assert shares == ["100.0 %", "> 99.9 %", "50.0 %", "< 0.1 %", "0.0 %"]


def test_importing_evaluation_loads_nothing_heavy() -> None:
    """A fresh interpreter imports evaluation without torch, matplotlib or Jinja."""
    code = (
        "import midrib.evaluation.report, sys;"
        "print([m for m in ('torch', 'matplotlib', 'jinja2') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert found.stdout.strip() == "[]"
