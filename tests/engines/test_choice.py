from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from midrib.engines import Choice, EngineOptions, OnnxRuntimeEngine, choose_engine, load_predictor
from midrib.errors import UnknownNameError
from midrib.packages import Package


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return tmp_path / "home" / "engine-choices.json"


def chosen(package: Package, memory: Path | None, threads: int = 1) -> Choice:
    return choose_engine(
        package,
        package.card.variant(),
        options=EngineOptions(threads=threads),
        memory=memory,
    )


def test_fastest_is_chosen_and_explained(colours: Package) -> None:
    """The engine with the smallest median is taken, and the reason shows every figure."""
    choice = chosen(colours, None)
    figures = {measured.engine: measured.median_ms for measured in choice.measurements}
    assert set(figures) == {"onnxruntime", "openvino"}
    assert choice.engine == min(figures, key=lambda engine: figures[engine])
    for milliseconds in figures.values():
        assert f"{milliseconds:.2f} ms" in choice.reason


def test_choice_is_remembered(colours: Package, memory: Path) -> None:
    """The second time nothing is measured: the figures are those of the first."""
    first, second = chosen(colours, memory), chosen(colours, memory)
    assert (first.remembered, second.remembered) == (False, True)
    assert second.measurements == first.measurements
    assert second.engine == first.engine


def test_other_conditions_are_measured_anew(
    colours: Package,
    own_package: Package,
    memory: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Other threads, another file or another version of an engine make the memory void."""
    chosen(colours, memory)
    assert not chosen(colours, memory, threads=2).remembered
    variant = own_package.card.variant().model_copy(update={"sha256": "0" * 64})
    assert not choose_engine(
        own_package, variant, options=EngineOptions(threads=1), memory=memory
    ).remembered
    newer = tmp_path / "onnxruntime-99.0.dist-info"
    newer.mkdir()
    (newer / "METADATA").write_text("Metadata-Version: 2.1\nName: onnxruntime\nVersion: 99.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert OnnxRuntimeEngine.version() == "99.0"
    assert not chosen(colours, memory).remembered


@pytest.mark.parametrize("content", ["", "{", "[]", "3", "null"])
def test_broken_memory_is_measured_anew(colours: Package, memory: Path, content: str) -> None:
    """A memory that cannot be read is no reason to stop: it is written again."""
    memory.parent.mkdir()
    memory.write_text(content)
    assert not chosen(colours, memory).remembered
    assert chosen(colours, memory).remembered


def test_memory_of_another_form_is_measured_anew(colours: Package, memory: Path) -> None:
    """Measurements that another version of midrib wrote differently are made again."""
    chosen(colours, memory)
    table = {key: [{"milliseconds": 1}] for key in json.loads(memory.read_text())}
    memory.write_text(json.dumps(table))
    assert not chosen(colours, memory).remembered


def test_several_may_remember_at_once(colours: Package, memory: Path) -> None:
    """Choices that are made at the same time are all remembered."""
    threads = (1, 2, 3, 4)
    with ThreadPoolExecutor(len(threads)) as pool:
        list(pool.map(lambda count: chosen(colours, memory, count), threads))
    assert all(chosen(colours, memory, count).remembered for count in threads)


def test_memory_that_cannot_be_written_is_forgotten(colours: Package, tmp_path: Path) -> None:
    """A memory below a file, where none can be, costs the next choice its measuring, no more."""
    (tmp_path / "home").write_text("")
    memory = tmp_path / "home" / "engine-choices.json"
    for _ in range(2):
        choice = choose_engine(colours, colours.card.variant(), memory=memory)
        assert choice.measurements
        assert not choice.remembered


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_engine_asked_for_is_taken(colours: Package, memory: Path, engine: str) -> None:
    """An engine that is asked for is taken without measuring or remembering anything."""
    choice = choose_engine(colours, colours.card.variant(), wanted=engine, memory=memory)
    assert (choice.engine, choice.reason) == (engine, "it was asked for")
    assert not memory.exists()
    assert load_predictor(colours, engine=engine).engine.name == engine


def test_unknown_engine_gets_the_nearest(colours: Package) -> None:
    """A misspelt engine is refused with the one that was probably meant."""
    with pytest.raises(UnknownNameError, match=r"did you mean 'openvino'"):
        load_predictor(colours, engine="openvio")
