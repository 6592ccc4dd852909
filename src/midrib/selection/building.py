"""A backbone as the file that a package of it would have, from a random start."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from midrib.config import Config
from midrib.selection.records import Facts
from midrib.storage import write_json

if TYPE_CHECKING:
    from midrib.backbones import Backbone

FACTS_FILE = "facts.json"
FLOAT_FILE = "fp32.onnx"


class BuildRequest(Config):
    """``size`` as in `CostConfig`; into ``folder`` go the facts and, if ``export``, the file."""

    backbone: str
    size: int | None
    folder: Path
    export: bool


def build(request: dict[str, Any]) -> None:
    """Write the facts first: they are known even of what cannot be exported."""
    from midrib.exporting import export_onnx
    from midrib.preprocessing import Recipe
    from midrib.selection.untrained import untrained_classifier

    wanted = BuildRequest(**request)
    classifier = untrained_classifier(wanted.backbone, wanted.size)
    facts = _facts(classifier.backbone, wanted.size)
    write_json(wanted.folder / FACTS_FILE, facts.model_dump())
    if wanted.export:
        recipe = Recipe(height=facts.height, width=facts.width)
        export_onnx(classifier, recipe, wanted.folder / FLOAT_FILE)


def _facts(backbone: Backbone, size: int | None) -> Facts:
    known = backbone.facts
    height, width = (size, size) if size else known.native_size
    return Facts(
        height=height,
        width=width,
        features=known.features,
        parameters=known.parameters,
        multiply_adds=known.multiply_adds,
    )
