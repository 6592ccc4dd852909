"""Explain: what a run would consist of, derived from its options, backbone and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from midrib.backbones import canonical_name
from midrib.backbones.interface import BackboneFacts
from midrib.backbones.listing.counting import facts_without_weights
from midrib.datasets import SplitConfig
from midrib.pipeline.known_weights import with_known_weights
from midrib.pipeline.run_data import divide_for_training
from midrib.preprocessing import Recipe
from midrib.reporting import SILENT, Reporter
from midrib.settings import Settings
from midrib.tasks import ALGORITHMS, DetectionPlan, SegmentationPlan
from midrib.tasks.algorithms import Fit
from midrib.training import (
    TrainConfig,
    learnt_labels,
    planned,
    recipe_for,
    require_trainable,
)


@dataclass(frozen=True)
class Explained:
    """What would be trained, and from what each part of it follows."""

    config: TrainConfig
    facts: BackboneFacts
    fit: Fit
    recipe: Recipe
    plan: DetectionPlan | SegmentationPlan | None
    labels: tuple[str, ...]

    def as_record(self) -> dict[str, object]:
        return {
            "train": self.config.model_dump(mode="json"),
            "labels": list(self.labels),
            "maps": self.fit.as_record(),
            "recipe": self.recipe.model_dump(mode="json"),
            "plan": self.plan.model_dump(mode="json") if self.plan else None,
        }

    def lines(self) -> list[str]:
        algorithm = ALGORITHMS.get(self.config.algorithm)
        lines = [
            f"algorithm  {self.config.algorithm}: {algorithm.head} ({algorithm.reference})",
            f"labels     {', '.join(self.labels)}",
            f"backbone   {self.facts.name}: {self._levels()}",
        ]
        if self.plan:
            return [*lines, *self.plan.lines(), f"loss       {self._losses()}"]
        return [*lines, f"input      {self._input()}", f"loss       {self.config.loss}"]

    def _levels(self) -> str:
        maps = [f"{level.channels} channels at {level.stride}" for level in self.facts.levels]
        return ", ".join(maps) or f"{self.facts.features} pooled features"

    def _losses(self) -> str:
        if isinstance(self.plan, SegmentationPlan):
            return f"{self.config.loss} of the pixels"
        draws = ALGORITHMS.get(self.config.algorithm).with_masks
        masks = ", cross-entropy of the masks" if draws else ""
        return f"{self.config.loss} of the scores, {self.config.box_loss} of the boxes{masks}"

    def _input(self) -> str:
        recipe = self.recipe
        return f"{recipe.height} × {recipe.width} pixels, {recipe.fit}, {recipe.filter}"


def explain(
    source: str | Path,
    *,
    config: TrainConfig | None = None,
    split_config: SplitConfig | None = None,
    settings: Settings | None = None,
    reporter: Reporter = SILENT,
) -> Explained:
    """What `train` with the same arguments would build; it is neither built nor trained.

    The pictures are read and split as training would, which is remembered for it.

    Args:
        source: a folder, a table of labels, an archive or a bucket's URL.
        config: options of training.
        split_config: shares of the splits.
        settings: where everything is kept.
        reporter: is told how far it is.

    Raises:
        DatasetError: the data cannot be trained on.
        UsageError: an option does not fit the backbone.
    """
    settings, config = settings or Settings(), config or TrainConfig()
    require_trainable(with_known_weights(config, settings), settings)
    divided = divide_for_training(
        source, split_config, settings, algorithm=config.algorithm, strict=False, reporter=reporter
    )
    facts = facts_without_weights(canonical_name(config.backbone))
    plan = planned(config, facts, divided.dataset.of("train"), divided.dataset.labels)
    if plan is not None:
        config = config.model_copy(update={"size": plan.height})
    own = [level.stride for level in facts.levels]
    return Explained(
        config=config,
        facts=facts,
        fit=ALGORITHMS.get(config.algorithm).fit(own),
        recipe=recipe_for(facts, config),
        plan=plan,
        labels=learnt_labels(plan, divided.dataset.labels),
    )
