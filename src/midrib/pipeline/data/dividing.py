"""Divide a source's pictures for a verb, and say what leaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from midrib.datasets import Dataset, Split, SplitConfig, split_dataset
from midrib.datasets.copies import Likeness
from midrib.datasets.splitting import IN_THE_GAP, SET_ASIDE, Leak, find_leaks
from midrib.pipeline.data.copies import likenesses_of
from midrib.reporting import Reporter
from midrib.settings import Settings

_SHOWN = 3


@dataclass(frozen=True)
class Divided:
    """Pictures with their splits, and what stands on both sides of them.

    ``copies``: verified near-copies among the pictures. ``leaks``: held-out pictures with a copy
    in an earlier split. ``look_alikes``: pairs in two splits that look alike and are no copies.
    ``given``: whether the source itself gives splits.
    """

    dataset: Dataset
    copies: int
    leaks: tuple[Leak, ...]
    look_alikes: tuple[Likeness, ...]
    given: bool

    def as_record(self) -> dict[str, object]:
        return {
            "near_copies": self.copies,
            "leaks": [
                {
                    "held_out": str(leak.held_out.path),
                    "known": str(leak.known.path),
                    "exact": leak.exact,
                }
                for leak in self.leaks
            ],
            "look_alikes_in_two_splits": len(self.look_alikes),
            "left_out": [
                each.as_record()
                for each in self.dataset.problems
                if each.kind in {SET_ASIDE, IN_THE_GAP}
            ],
        }

    def lines(self) -> list[str]:
        """What a user should know, one line each; nothing where all is well."""
        pairs = f"{self.copies:,} pair{'s' * (self.copies != 1)}"
        lines = [f"near-copies: {pairs}"] if self.copies else []
        for kind in (SET_ASIDE, IN_THE_GAP):
            found = [each for each in self.dataset.problems if each.kind == kind]
            named = [f"{each.path.name} ({each.reason})" for each in found[:_SHOWN]]
            if found:
                more = " …" if len(found) > _SHOWN else ""
                lines.append(f"{kind}: {len(found):,}: {', '.join(named)}{more}")
        if self.leaks:
            named = [str(leak) for leak in self.leaks[:_SHOWN]]
            more = " …" if len(self.leaks) > _SHOWN else ""
            lines.append(f"leaks: {len(self.leaks):,}: {'; '.join(named)}{more}")
        if self.look_alikes:
            lines.append(
                f"warning: {len(self.look_alikes):,} pairs in two splits look alike without "
                "being copies; where they show one thing, name groups before splitting"
            )
        return lines


def divide(
    dataset: Dataset,
    source: str | Path,
    config: SplitConfig,
    settings: Settings,
    reporter: Reporter,
    *,
    previous: Mapping[str, Split] | None,
) -> Divided:
    """Split ``dataset``, copies kept together, and look for leaks. Raises ``DatasetError``."""
    found = likenesses_of(dataset, source, settings, reporter)
    pairs = [(copy.first, copy.second) for copy in found.copies]
    divided = split_dataset(dataset, config, previous=previous, copies=pairs)
    splits = {item.sha256: item.split for item in divided.items}
    return Divided(
        dataset=divided,
        copies=len(found.copies),
        leaks=find_leaks(divided, found.copies),
        look_alikes=tuple(
            like
            for like in found.look_alikes
            if {like.first, like.second} <= splits.keys()
            and splits[like.first] != splits[like.second]
        ),
        given=any(item.split for item in dataset.items),
    )
