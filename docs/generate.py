"""Rewrites what the pages take from the code: ``python docs/generate.py``.

A page marks such a place with ``<!-- NAME -->`` and ``<!-- /NAME -->``; help.md is made whole.
"""
# ruff: noqa: INP001 - docs is a folder of pages, not a package

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from typer.main import get_command

from midrib import errors
from midrib.cli.app import app
from midrib.names import Registry
from midrib.storage import read_json, write_text

PAGES = Path(__file__).parent
HELP_PAGE = "help.md"
_BLOCK = re.compile(r"(<!-- (?P<name>[a-z-]+) -->\n).*?(<!-- /(?P=name) -->)", re.DOTALL)
_BOUNDS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
_HELP_COLUMNS = 90


def main() -> None:
    """Rewrite every page whose places are out of date."""
    for page in sorted(PAGES.glob("*.md")):
        before = page.read_text(encoding="utf-8")
        after = help_page() if page.name == HELP_PAGE else filled(before)
        if after != before:
            write_text(page, after)
            sys.stdout.write(f"rewritten: docs/{page.name}\n")


def filled(text: str) -> str:
    """``text`` with every marked place rewritten. Raises ``KeyError`` for an unknown name."""
    return _BLOCK.sub(lambda found: f"{found[1]}{BLOCKS[found['name']]()}\n{found[3]}", text)


def help_page() -> str:
    """What ``--help`` says of the command and of every verb, in the order of the path."""
    parts = ["# What `--help` says\n\nMade by `python docs/generate.py`.\n"]
    for words in _commands(get_command(app)):
        title = " ".join(("midrib", *words))
        parts.append(f"## {title}\n\n```text\n{_help(words)}\n```\n")
    return "\n".join(parts)


def _commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of a command and of everything below it, in the order that it lists them."""
    yield words
    for name, child in getattr(command, "commands", {}).items():
        yield from _commands(child, (*words, name))


def _help(words: tuple[str, ...]) -> str:
    call = [sys.executable, "-c", "from midrib.cli import main; main()", *words, "--help"]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    plain = {**kept, "TERMINAL_WIDTH": str(_HELP_COLUMNS), "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
    finished = subprocess.run(call, env=plain, capture_output=True, text=True, check=True)
    return "\n".join(line.rstrip() for line in finished.stdout.strip("\n").splitlines()).strip("\n")


def option_table(config: type[BaseModel]) -> str:
    """One row an option: its name, what it takes, its default and its own docstring."""
    rows = ["| option | takes | default | meaning |", "|---|---|---|---|"]
    rows += [
        f"| `{name}` | {_takes(field)} | {_default(field)} | {_meaning(field)} |"
        for name, field in config.model_fields.items()
    ]
    return "\n".join(rows)


def settings_table(settings: type[BaseModel]) -> str:
    """One row an environment variable."""
    rows = ["| variable | takes | default | meaning |", "|---|---|---|---|"]
    prefix = settings.model_config.get("env_prefix", "")
    rows += [
        f"| `{prefix}{name.upper()}` | {_takes(field)} | {_default(field)} | {_meaning(field)} |"
        for name, field in settings.model_fields.items()
    ]
    return "\n".join(rows)


def field_table(record: type[BaseModel]) -> str:
    """One row a field of something that midrib writes."""
    rows = ["| field | holds | meaning |", "|---|---|---|"]
    rows += [
        f"| `{name}` | {_takes(field)} | {_meaning(field)} |"
        for name, field in record.model_fields.items()
    ]
    return "\n".join(rows)


def name_table() -> str:
    """One row a kind of thing that is chosen by name."""
    from midrib.backbones.registry import BACKBONES
    from midrib.evaluation import THRESHOLD_RULES
    from midrib.metrics import METRICS
    from midrib.tasks import LOSSES
    from midrib.training import AUGMENTATIONS, OPTIMIZERS, SCHEDULES

    registries: tuple[Registry[Any], ...] = (
        BACKBONES,
        LOSSES,
        OPTIMIZERS,
        SCHEDULES,
        AUGMENTATIONS,
        METRICS,
        THRESHOLD_RULES,
    )
    rows = ["| kind | names |", "|---|---|"]
    rows += [f"| {each.kind} | {', '.join(f'`{name}`' for name in each)} |" for each in registries]
    return "\n".join(rows)


def backbone_table() -> str:
    """One row a built-in backbone."""
    from midrib.backbones.listing.listed import built_in_backbones
    from midrib.columns import short

    headings = [
        *("name", "family", "parameters", "multiply-adds", "native size", "published top-1 %"),
        *("strides of its maps", "weights", "paper"),
    ]
    rows = [f"| {' | '.join(headings)} |", "|---" * len(headings) + "|"]
    for each in built_in_backbones():
        counts = each.counts
        cells = (
            f"`{each.origin.name}`",
            each.origin.family,
            short(counts.published_parameters),
            short(counts.published_multiply_adds),
            f"{counts.native_size}",
            f"{counts.top1:.1f}",
            ", ".join(str(stride) for stride, _ in counts.levels),
            ", ".join(each.weights) or "none",
            each.origin.reference,
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def algorithm_table() -> str:
    """One row an algorithm, one column a framework: how many built-in backbones go with both."""
    from midrib.backbones.frameworks import FRAMEWORKS
    from midrib.backbones.listing.listed import built_in_backbones
    from midrib.tasks import ALGORITHMS

    listed = list(built_in_backbones())
    frameworks = [FRAMEWORKS.get(name) for name in FRAMEWORKS]
    headings = ["algorithm", "task", "reads", *(each.title for each in frameworks)]
    rows = [f"| {' | '.join(headings)} |", "|---" * len(headings) + "|"]
    for name in ALGORITHMS:
        algorithm = ALGORITHMS.get(name)
        taken = [
            each.origin.source
            for each in listed
            if algorithm.fit([stride for stride, _ in each.counts.levels]).takes
        ]
        counts = [sum(source in framework.takes for source in taken) for framework in frameworks]
        cells = [
            f"`{name}`",
            algorithm.task,
            algorithm.head,
            *(f"{count} of {len(listed)}" if count else "not yet" for count in counts),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def error_tree() -> str:
    """Every class of error with its exit code and its HTTP status, indented as the tree is."""
    lines = [
        f"{'  ' * depth + kind.__name__:<30} exit {kind.exit_code:<4} HTTP {kind.http_status}"
        for depth, kind in walk_errors(errors.MidribError)
    ]
    return "\n".join(["```text", *lines, "```"])


def walk_errors(
    kind: type[errors.MidribError], depth: int = 0
) -> Iterator[tuple[int, type[errors.MidribError]]]:
    """``kind`` and what descends from it in ``midrib.errors``, each with its depth."""
    yield depth, kind
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from walk_errors(child, depth + 1)


def metric_names() -> str:
    """What the server counts, as its own module tells it."""
    from midrib.serving import telemetry

    lines = [line for line in (telemetry.__doc__ or "").splitlines() if line.startswith("midrib_")]
    return "\n".join(["```text", *lines, "```"])


def matrix_table() -> str:
    """One row a backbone, one column an algorithm: the largest error, or which failure it was."""
    file = PAGES / "figures" / "matrix.json"
    if not file.is_file():
        return "Nothing has been tried yet."
    measured = read_json(file)
    cells = {(row["case"], row["candidate"].partition(" ")[0]): row for row in measured["rows"]}
    names = list(dict.fromkeys(name for name, _ in cells))
    algorithms = sorted({algorithm for _, algorithm in cells})
    days = sorted({row["figures"]["tried"] for row in cells.values()})
    reasons = list(dict.fromkeys(filter(None, map(_failure, cells.values()))))
    lines = [
        f"{len(cells)} cells, tried {' to '.join(dict.fromkeys((days[0], days[-1])))}, "
        f"{measured['machine']}; "
        + ", ".join(f"{library} {number}" for library, number in measured["versions"].items()),
        "",
        f"| backbone | {' | '.join(f'`{algorithm}`' for algorithm in algorithms)} |",
        "|---|" + "--:|" * len(algorithms),
    ]
    for name in names:
        shown = [_outcome(cells.get((name, algorithm)), reasons) for algorithm in algorithms]
        lines.append(f"| `{name}` | {' | '.join(shown)} |")
    return "\n".join([*lines, "", *_failures(reasons)])


def _failure(row: Any) -> str:
    outcome: str = row["figures"]["outcome"]
    return "" if outcome == "passed" else outcome


def _outcome(row: Any, reasons: list[str]) -> str:
    """The larger of the errors in the engines; of a cell that was not tried nothing."""
    if row is None:
        return ""
    if reason := _failure(row):
        return f"failed ({reasons.index(reason) + 1})"
    figures: dict[str, str] = row["figures"]
    return max((figures[name] for name in figures if name.startswith("error in")), key=float)


def _failures(reasons: list[str]) -> list[str]:
    told = [f"{number}. {reason}" for number, reason in enumerate(reasons, start=1)]
    return told or ["No cell that was tried failed."]


def leakage_table() -> str:
    """What copies on both sides did to a score, as it was measured last."""
    measured = read_json(PAGES / "figures" / "leakage.json")
    headings = list(measured["rows"][0]["figures"])
    lines = [
        f"| {measured['rows'][0]['case']}, {measured['date'][:10]} | {' | '.join(headings)} |",
        "|---|" + "---|" * len(headings),
    ]
    for row in measured["rows"]:
        shown = [f"{row['figures'][heading]['median']:.3g}" for heading in headings]
        lines.append(f"| {row['candidate']} | {' | '.join(shown)} |")
    goals = [f"{goal['name']}: {goal['figure']:.0%}" for goal in measured["goals"]]
    return "\n".join([*lines, "", "; ".join(goals) + "."])


def check_table() -> str:
    """One row a kind of fault: its name, what is found, what it means, and what midrib can do."""
    from midrib.datasets.health import CHECKS, Gravity

    words = {Gravity.GRAVE: "grave", Gravity.WARNING: "warning", Gravity.NOTE: "note"}
    checks = sorted((CHECKS.get(name) for name in CHECKS), key=lambda c: (-c.gravity, c.name))
    rows = ["| kind | | what is found | what it means | can be |", "|---|---|---|---|---|"]
    helps = {"none": "", "quarantine": "moved out", "fix": "mended, moved out"}
    rows += [
        f"| `{each.name}`{' (embeddings)' if each.needs_embeddings else ''} "
        f"| {words[each.gravity]} | {each.title} | {each.meaning} | {helps[each.remedy.value]} |"
        for each in checks
    ]
    return "\n".join(rows)


def _takes(field: FieldInfo) -> str:
    bounds = [
        f"{sign} {getattr(each, name):,g}".replace(",", " ")
        for each in field.metadata
        for name, sign in _BOUNDS.items()
        if hasattr(each, name)
    ]
    return ", ".join([_type_name(field.annotation), *bounds])


def _type_name(annotation: Any) -> str:
    arguments = get_args(annotation)
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in arguments)
    if get_origin(annotation) in {Union, UnionType}:
        return " or ".join(_type_name(each) for each in arguments)
    if get_origin(annotation) in {list, tuple}:
        return f"list of {_type_name(arguments[0])}"
    return "none" if annotation is NoneType else annotation.__name__.lstrip("_")


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return getattr(field.default_factory, "__name__", "").replace("_", " ")
    if field.default is PydanticUndefined:
        return ""
    if field.default is None or field.default == "":
        return "none"
    if isinstance(field.default, BaseModel):
        return "its own"
    return f"`{field.default}`"


def _meaning(field: FieldInfo) -> str:
    return " ".join((field.description or "").split()).replace("|", "\\|")


def _blocks() -> dict[str, Callable[[], str]]:
    from midrib.datasets import SplitConfig
    from midrib.exporting import ExportConfig, ParityLimits
    from midrib.packages import Card
    from midrib.preprocessing import DecodeLimits
    from midrib.selection import CostConfig
    from midrib.serving import Limits, ServeConfig
    from midrib.settings import Settings
    from midrib.training import TrainConfig

    return {
        "split-options": lambda: option_table(SplitConfig),
        "train-options": lambda: option_table(TrainConfig),
        "cost-options": lambda: option_table(CostConfig),
        "names": name_table,
        "export-options": lambda: option_table(ExportConfig),
        "parity-limits": lambda: option_table(ParityLimits),
        "card": lambda: field_table(Card),
        "serve-options": lambda: option_table(ServeConfig),
        "limits": lambda: option_table(Limits),
        "picture-limits": lambda: option_table(DecodeLimits),
        "metric-names": metric_names,
        "settings": lambda: settings_table(Settings),
        "errors": error_tree,
        "backbones": backbone_table,
        "algorithms": algorithm_table,
        "leakage": leakage_table,
        "matrix": matrix_table,
        "checks": check_table,
    }


BLOCKS = _blocks()


if __name__ == "__main__":
    main()
