"""A package of real size for benchmarks: EfficientNet-Lite0, its weights random.

Speed does not depend on what the weights are, so nothing is downloaded and nothing is trained.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from midrib.engines import EngineOptions, OnnxRuntimeEngine
from midrib.errors import MidribError
from midrib.machine import machine_name
from midrib.packages import (
    PICTURE_STATISTICS,
    Card,
    Certificate,
    EmbeddingSketch,
    ModelInput,
    Package,
    PackageContent,
    Reference,
    Sample,
    Variant,
    open_package,
    picture_statistics,
    verify_package,
    write_package,
)
from midrib.packages.reference import Histogram
from midrib.preprocessing import Recipe, read_picture
from midrib.records import Outputs, PixelBatch
from midrib.storage import file_sha256

BACKBONE = "efficientnet-lite0"
LABELS = ["sound", "defective"]
_SAMPLES = 8
_SEED = 0


def benchmark_package() -> Package:
    """The package, made once (half a minute) and kept in the temporary folder."""
    folder = Path(tempfile.gettempdir()) / "midrib-benchmarks" / BACKBONE
    try:
        verify_package(folder)
    except MidribError:
        return _make(folder)
    return open_package(folder)


def _make(folder: Path) -> Package:
    with tempfile.TemporaryDirectory() as aside:
        file = Path(aside) / "fp32.onnx"
        recipe = _export(file)
        pictures = [_sample_picture(seed) for seed in range(_SAMPLES)]
        batch = np.stack([read_picture(data, recipe) for data in pictures])
        outputs = OnnxRuntimeEngine(file, EngineOptions()).run(batch)
        content = PackageContent(
            card=_card(recipe, file, outputs.embedding.shape[1]),
            files={file.name: file},
            reference=_reference(batch, outputs),
            samples=[
                Sample(file=f"{index}.jpg", data=data, answer=outputs.answer[index].tolist())
                for index, data in enumerate(pictures)
            ],
        )
        return write_package(content, folder)


def _export(file: Path) -> Recipe:
    """Write the graph; gives the recipe that the backbone was made for."""
    import torch

    from midrib.backbones import create_backbone
    from midrib.exporting import export_onnx
    from midrib.tasks import Classifier

    torch.manual_seed(_SEED)
    backbone = create_backbone(BACKBONE, weights="none")
    height, width = backbone.facts.native_size
    recipe = Recipe(
        height=height,
        width=width,
        crop_ratio=backbone.facts.crop_ratio,
        filter=backbone.facts.filter,
    )
    export_onnx(Classifier(backbone, len(LABELS), dropout=0.0), recipe, file)
    return recipe


def _sample_picture(seed: int) -> bytes:
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(coarse).resize((320, 240)).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def _card(recipe: Recipe, file: Path, embedding_size: int) -> Card:
    certificate = Certificate(
        pictures=_SAMPLES,
        max_error=0.0,
        mean_error=0.0,
        changed_decisions=0,
        engine=f"onnxruntime {OnnxRuntimeEngine.version()}",
        machine=machine_name(),
    )
    return Card(
        name=BACKBONE,
        labels=LABELS,
        backbone=BACKBONE,
        embedding_size=embedding_size,
        input=ModelInput(height=recipe.height, width=recipe.width),
        preprocessing=recipe,
        preprocessing_hash=recipe.hash(),
        data_version="0" * 64,
        run="benchmark",
        weights_origin="random",
        weights_licence="none",
        created="2026-01-01T00:00:00Z",
        variants=[
            Variant(
                name=file.stem,
                file=file.name,
                size_bytes=file.stat().st_size,
                sha256=file_sha256(file),
                certificate=certificate,
            )
        ],
    )


def _reference(batch: PixelBatch, outputs: Outputs) -> Reference:
    sketch = EmbeddingSketch(embedding_size=outputs.embedding.shape[1])
    projected, statistics = sketch.project(outputs.embedding), picture_statistics(batch)
    decided = outputs.answer.argmax(axis=1)
    return Reference(
        pictures=len(batch),
        class_shares={
            label: float((decided == index).mean()) for index, label in enumerate(LABELS)
        },
        confidence=Histogram.of(outputs.answer.max(axis=1)),
        statistics={
            name: Histogram.of(statistics[:, column])
            for column, name in enumerate(PICTURE_STATISTICS)
        },
        sketch=sketch,
        sketch_mean=projected.mean(axis=0).tolist(),
        sketch_covariance=np.cov(projected.T).tolist(),
    )
