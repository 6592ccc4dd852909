"""One backbone, looked into."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from midrib.backbones.catalogue import canonical_name
from midrib.backbones.frameworks import FRAMEWORKS
from midrib.backbones.listing.counted import Counts, read_counts
from midrib.backbones.listing.listed import PLUGIN, Origin, origin_of
from midrib.backbones.weights.hub import HUB, hub_weights
from midrib.backbones.weights.packaged import PACKAGED, PACKAGED_WEIGHTS
from midrib.columns import aligned, short
from midrib.errors import UsageError
from midrib.extras import require_extra
from midrib.preprocessing import LARGEST_SIDE
from midrib.tasks.algorithms import ALGORITHMS, Fit

if TYPE_CHECKING:
    from midrib.backbones.interface import BackboneFacts
    from midrib.backbones.listing.anatomy import Anatomy, Stage

_HEADINGS = ("stage", "stride", "channels", "map", "parameters", "multiply-adds")
_BAR = 24
"""Characters of the longest bar."""


@dataclass(frozen=True)
class WeightsOffered:
    """Weights that somebody has; ``source`` is what to write after ``--weights``."""

    source: str
    licence: str
    origin: str


_NO_WEIGHTS = WeightsOffered("none", "", "")


@dataclass(frozen=True)
class BackboneShown:
    """A backbone's stages, what it takes and gives, and where it comes from."""

    origin: Origin
    facts: BackboneFacts
    anatomy: Anatomy
    counts: Counts
    weights: tuple[WeightsOffered, ...]

    @property
    def fits(self) -> dict[str, Fit]:
        """How it meets each algorithm."""
        strides = [level.stride for level in self.facts.levels]
        return {name: ALGORITHMS.get(name).fit(strides) for name in ALGORITHMS}

    @property
    def frameworks(self) -> dict[str, bool]:
        """Whether it can be trained in each framework."""
        return {name: self.origin.source in FRAMEWORKS.get(name).takes for name in FRAMEWORKS}

    def as_record(self) -> dict[str, object]:
        facts, counts, anatomy = self.facts, self.counts, self.anatomy
        return {
            **asdict(self.origin),
            "size": [anatomy.height, anatomy.width],
            "stages": [asdict(stage) for stage in anatomy.stages],
            "loose_parameters": anatomy.loose_parameters,
            "parameters": counts.published_parameters,
            "multiply_adds": counts.published_multiply_adds,
            "multiply_adds_at_224": counts.published_multiply_adds_at_224,
            "backbone_parameters": facts.parameters,
            "backbone_multiply_adds": anatomy.multiply_adds,
            "features": facts.features,
            "levels": [asdict(level) for level in facts.levels],
            "native_size": list(facts.native_size),
            "smallest_size": facts.smallest_size,
            "resizable": facts.resizable,
            "filter": facts.filter,
            "crop_ratio": facts.crop_ratio,
            "normalisation": asdict(facts.normalisation),
            "published_top1": counts.top1,
            "published_top1_source": counts.top1_source,
            "weights": [asdict(each) for each in self.weights],
            "algorithms": {name: fit.as_record() for name, fit in self.fits.items()},
            "frameworks": self.frameworks,
        }

    def lines(self) -> list[str]:
        origin = self.origin
        paper = f", {origin.reference}" if origin.reference else ""
        title = f"{origin.name}: {origin.family}, {origin.source}'s {origin.model}{paper}"
        return [title, "", *self._stage_lines(), "", *self._fact_lines()]

    def _stage_lines(self) -> list[str]:
        stages = self.anatomy.stages
        most = max((stage.multiply_adds for stage in stages), default=0) or 1
        rows = [_stage_words(place, stage, most) for place, stage in enumerate(stages)]
        if self.anatomy.loose_parameters:
            rows.append(("", "", "", "other", short(self.anatomy.loose_parameters), ""))
        total = short(self.facts.parameters), short(self.anatomy.multiply_adds)
        return aligned([_HEADINGS, *rows, ("", "", "", "in all", *total)], left=(6,))

    def _fact_lines(self) -> list[str]:
        facts = self.facts
        told = [
            ("features", f"{facts.features:,}, pooled"),
            ("pyramid", _level_words(facts)),
            ("size", _size_words(facts)),
            ("normalisation", _colour_words(facts)),
            *self._published_words(),
            *(
                ("" if place else "weights", f"{each.source}  {each.licence}")
                for place, each in enumerate(self.weights or (_NO_WEIGHTS,))
            ),
            *(
                (name, f"{'takes it' if fit.takes else 'does not take it'}: {fit.describe()}")
                for name, fit in self.fits.items()
            ),
            *((name, "trains it" if can else "not yet") for name, can in self.frameworks.items()),
        ]
        return aligned(told, left=(0, 1))

    def _published_words(self) -> list[tuple[str, str]]:
        """The network that others published: with its classifier, as they measured it."""
        counts = self.counts
        if self.origin.source == PLUGIN:
            return []
        network = (
            f"{short(counts.published_parameters)} parameters and "
            f"{short(counts.published_multiply_adds)} multiply-adds with its classifier"
        )
        told = [("published", network)]
        if counts.top1 is not None:
            told.append(("", f"{counts.top1:.1f} % top-1 on ImageNet: {counts.top1_source}"))
        return told


def show_backbone(name: str, *, size: int | None = None) -> BackboneShown:
    """Look into a backbone. No weights are fetched and nothing is computed but shapes and counts.

    Args:
        name: a built-in or registered name, or 'timm:' or 'torchvision:' and any of their models.
        size: height and width of the picture, in pixels; None takes the native ones.

    Raises:
        UnknownNameError: no backbone has that name.
        UsageError: the backbone does not take that size.
        MissingExtraError: the lab is not installed.
    """
    require_extra("the anatomy of a backbone", "lab")
    name = canonical_name(name)  # before torch is loaded
    if size is not None and not 0 < size <= LARGEST_SIDE:
        raise UsageError(
            f"pictures of {size} pixels in height and width",
            expected=f"a size from 1 to {LARGEST_SIDE}",
            todo="give another --size, or leave it out for the native one",
        )
    from midrib.backbones.adapters.probing import on_meta
    from midrib.backbones.listing.anatomy import take_apart
    from midrib.backbones.listing.counting import count
    from midrib.backbones.registry import create_backbone

    backbone = on_meta(lambda: create_backbone(name, weights="none", size=size)).eval()
    return BackboneShown(
        origin=origin_of(name),
        facts=backbone.facts,
        anatomy=take_apart(backbone, (size, size) if size else None),
        counts=read_counts().get(name) or count(name),
        weights=_offered(name),
    )


def _offered(name: str) -> tuple[WeightsOffered, ...]:
    packaged = PACKAGED_WEIGHTS.get(name)
    offered = [
        WeightsOffered(f"{HUB}:{each.title}", each.licence, f"published by {each.library}")
        for each in hub_weights(name)
    ]
    if packaged is not None:
        archive = packaged.archive
        offered.append(WeightsOffered(PACKAGED, archive.licence, f"package {archive.requirement}"))
    return tuple(offered)


def _stage_words(place: int, stage: Stage, most: int) -> tuple[str, ...]:
    if stage.stride:
        where = f"{stage.height}×{stage.width}"
    else:
        where = f"{stage.cells} tokens" if stage.cells > 1 else "pooled"
    return (
        str(place),
        str(stage.stride or ""),
        f"{stage.channels:,}",
        where,
        short(stage.parameters),
        short(stage.multiply_adds),
        "▇" * round(_BAR * stage.multiply_adds / most),
    )


def _level_words(facts: BackboneFacts) -> str:
    if not facts.levels:
        return "none"
    levels = [f"{level.channels:,} channels at stride {level.stride}" for level in facts.levels]
    return ", ".join([levels[0], *(words.replace(" channels", "") for words in levels[1:])])


def _size_words(facts: BackboneFacts) -> str:
    height, width = facts.native_size
    least = f"any from {facts.smallest_size}×{facts.smallest_size} on"
    return f"{height}×{width} native, {least if facts.resizable else 'made for one size'}"


def _colour_words(facts: BackboneFacts) -> str:
    mean, std = (
        " ".join(f"{value:.3g}" for value in values)
        for values in (facts.normalisation.mean, facts.normalisation.std)
    )
    return f"mean {mean}, deviation {std}, of pictures scaled to 0 … 1"
