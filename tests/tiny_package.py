"""A whole model package of a few kilobytes, made without the lab: it answers by mean colour."""

from __future__ import annotations

import io
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from midrib.packages import (
    Card,
    Certificate,
    Decision,
    EmbeddingSketch,
    ModelInput,
    Package,
    PackageContent,
    Reference,
    Sample,
    Variant,
    picture_statistics,
    write_package,
)
from midrib.packages.card import ANSWER_OUTPUT, EMBEDDING_OUTPUT, PICTURES_INPUT
from midrib.packages.reference import PICTURE_STATISTICS, Histogram
from midrib.preprocessing import Recipe, read_picture
from midrib.storage import file_sha256

LABELS = ("blue", "green", "red")
EMBEDDING_SIZE = 4


def picture_bytes(colour: str, *, size: int = 64, form: str = "PNG", seed: int = 0) -> bytes:
    """An encoded noisy picture whose mean is mostly ``colour`` (a label)."""
    channel = {"red": 0, "green": 1, "blue": 2}[colour]
    pixels = np.random.default_rng(seed).integers(0, 90, (size, size, 3), dtype=np.uint8)
    pixels[..., channel] += 140
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, form)
    return stream.getvalue()


def make_tiny_package(
    folder: Path,
    *,
    name: str = "colours",
    version: int | None = None,
    size: int = 32,
    sharpness: float = 8.0,
    decision: Decision | None = None,
    labels: tuple[str, ...] = LABELS,
) -> Package:
    """Write a package at ``folder`` whose model decides by the strongest mean channel.

    ``sharpness`` scales the logits, so that two packages can be told apart by their scores.
    """
    recipe = Recipe(height=size, width=size)
    pictures = [picture_bytes(colour, seed=seed) for seed in range(4) for colour in LABELS]
    with TemporaryDirectory() as aside:
        file = Path(aside) / "fp32.onnx"
        onnx.save_model(_mean_colour_model(size, sharpness, len(labels)), file)
        session = onnxruntime.InferenceSession(file.read_bytes())
        batch = np.stack([read_picture(data, recipe) for data in pictures])
        answer, embedding = session.run([ANSWER_OUTPUT, EMBEDDING_OUTPUT], {PICTURES_INPUT: batch})
        card = Card(
            name=name,
            version=version,
            labels=list(labels),
            backbone="mean-colour",
            embedding_size=EMBEDDING_SIZE,
            input=ModelInput(height=size, width=size),
            preprocessing=recipe,
            preprocessing_hash=recipe.hash(),
            decision=decision or Decision(),
            data_version="0" * 64,
            run="tiny",
            weights_origin="none",
            weights_licence="none",
            created="2026-01-01T00:00:00Z",
            variants=[
                Variant(
                    name="fp32",
                    file="fp32.onnx",
                    size_bytes=file.stat().st_size,
                    sha256=file_sha256(file),
                    certificate=Certificate(
                        pictures=len(pictures),
                        max_error=0.0,
                        mean_error=0.0,
                        changed_decisions=0,
                        engine="onnxruntime",
                        machine="test",
                    ),
                )
            ],
        )
        sketch = EmbeddingSketch(embedding_size=EMBEDDING_SIZE)
        projected = sketch.project(embedding)
        statistics = picture_statistics(batch)
        decided = answer.argmax(axis=1)
        content = PackageContent(
            card=card,
            files={"fp32.onnx": file},
            reference=Reference(
                pictures=len(pictures),
                class_shares={
                    label: float((decided == index).mean()) for index, label in enumerate(labels)
                },
                confidence=Histogram.of(answer.max(axis=1)),
                statistics={
                    statistic: Histogram.of(statistics[:, column])
                    for column, statistic in enumerate(PICTURE_STATISTICS)
                },
                sketch=sketch,
                sketch_mean=projected.mean(axis=0).tolist(),
                sketch_covariance=np.cov(projected.T).tolist(),
            ),
            samples=[
                Sample(file=f"{index}.png", data=data, answer=answer[index].tolist())
                for index, data in enumerate(pictures[:3])
            ],
        )
        return write_package(content, folder)


def _mean_colour_model(size: int, sharpness: float, classes: int) -> onnx.ModelProto:
    """uint8 NHWC → mean colour → embedding (4) → probabilities over blue, green, red."""
    to_embedding = np.zeros((3, EMBEDDING_SIZE), np.float32)
    to_embedding[0, 2] = to_embedding[1, 1] = to_embedding[2, 0] = 1
    to_embedding[:, 3] = 1 / 3
    to_logits = (np.eye(EMBEDDING_SIZE, classes) * sharpness).astype(np.float32)
    constants = {
        "scale": np.float32(1 / 255),
        "axes": np.array([1, 2], np.int64),
        "to_embedding": to_embedding,
        "to_logits": to_logits,
    }
    nodes = [
        helper.make_node("Cast", [PICTURES_INPUT], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["floats", "scale"], ["scaled"]),
        helper.make_node("ReduceMean", ["scaled", "axes"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "to_embedding"], [EMBEDDING_OUTPUT]),
        helper.make_node("MatMul", [EMBEDDING_OUTPUT, "to_logits"], ["logits"]),
        helper.make_node("Softmax", ["logits"], [ANSWER_OUTPUT], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "mean-colour",
        [
            helper.make_tensor_value_info(
                PICTURES_INPUT, TensorProto.UINT8, ["count", size, size, 3]
            )
        ],
        [
            helper.make_tensor_value_info(ANSWER_OUTPUT, TensorProto.FLOAT, ["count", classes]),
            helper.make_tensor_value_info(
                EMBEDDING_OUTPUT, TensorProto.FLOAT, ["count", EMBEDDING_SIZE]
            ),
        ],
        [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()],
    )
    model = helper.make_model(
        graph, producer_name="midrib", opset_imports=[helper.make_opsetid("", 18)]
    )
    model.ir_version = 10
    onnx.checker.check_model(model, full_check=True)
    return model
