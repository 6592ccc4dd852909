"""A whole detector's package of a few kilobytes, made without the lab: it finds red and blue.

Of each colour it answers the one box around all of its pixels, so in each tile it sees exactly
what of an object is there.
"""

from __future__ import annotations

import io
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
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
    write_package,
)
from midrib.packages.card import ANSWER_OUTPUT, BOXES_OUTPUT, EMBEDDING_OUTPUT, PICTURES_INPUT
from midrib.packages.reference import PICTURE_STATISTICS, Histogram
from midrib.postprocessing import Suppression
from midrib.preprocessing import Recipe
from midrib.storage import file_sha256
from midrib.tiling import Tiling

SIDE = 64
LABELS = ("blue", "red")
SCORE = 0.9
_COLOURS = {"blue": (0, 0, 255), "red": (255, 0, 0)}
_DARK = 128.0

Drawn = tuple[str, tuple[int, int, int, int]]


def drawn_picture(height: int, width: int, objects: list[Drawn]) -> np.ndarray:
    """Black with rectangles in it: uint8, height × width × 3."""
    pixels = np.zeros((height, width, 3), np.uint8)
    for label, (left, top, right, bottom) in objects:
        pixels[top:bottom, left:right] = _COLOURS[label]
    return pixels


def encoded(pixels: np.ndarray, form: str = "PNG", **options: object) -> bytes:
    """A picture as a file."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, form, **options)
    return stream.getvalue()


def make_tiny_detector(
    folder: Path, *, name: str = "blobs", tiles: Tiling | None = None
) -> Package:
    """Write the package at ``folder``."""
    recipe = Recipe(height=SIDE, width=SIDE, fit="letterbox")
    sample = encoded(drawn_picture(SIDE, SIDE, [("red", (8, 16, 40, 48))]))
    flat = Histogram(edges=[0.5], shares=[0.5, 0.5])
    with TemporaryDirectory() as aside:
        file = Path(aside) / "fp32.onnx"
        onnx.save_model(_model(), file)
        card = Card(
            name=name,
            task="detection",
            algorithm="retinanet",
            labels=list(LABELS),
            backbone="colours",
            embedding_size=3,
            input=ModelInput(height=SIDE, width=SIDE),
            preprocessing=recipe,
            preprocessing_hash=recipe.hash(),
            decision=Decision(threshold=0.5),
            suppression=Suppression(),
            tiles=tiles,
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
                        pictures=1,
                        max_error=0.0,
                        mean_error=0.0,
                        changed_decisions=0,
                        engine="onnxruntime",
                        machine="test",
                    ),
                )
            ],
        )
        sketch = EmbeddingSketch(embedding_size=3)
        content = PackageContent(
            card=card,
            files={"fp32.onnx": file},
            reference=Reference(
                pictures=1,
                class_shares={"blue": 0.0, "red": 1.0},
                confidence=flat,
                statistics=dict.fromkeys(PICTURE_STATISTICS, flat),
                sketch=sketch,
                sketch_mean=[0.0] * sketch.dimensions,
                sketch_covariance=np.eye(sketch.dimensions).tolist(),
            ),
            samples=[Sample("0.png", sample, [[8, 16, 40, 48, SCORE, 1]])],
        )
        return write_package(content, folder)


def _model() -> onnx.ModelProto:
    """uint8 NHWC → blue and red pixels → the span of each, scored where there is any."""
    places = np.arange(SIDE, dtype=np.float32).reshape(1, SIDE, 1)
    constants = {
        "dark": np.float32(_DARK),
        "channels": np.array([2, 0], np.int64),
        "places": places,
        "ends": places + 1,
        "far": np.float32(SIDE),
        "none": np.float32(0),
        "score": np.diag([SCORE, SCORE]).astype(np.float32),
        "rows": np.array([1], np.int64),
        "columns": np.array([2], np.int64),
        "both": np.array([1, 2], np.int64),
        "last": np.array([2], np.int64),
    }
    make = helper.make_node
    nodes = [
        make("Cast", [PICTURES_INPUT], ["floats"], to=TensorProto.FLOAT),
        make("ReduceMean", ["floats", "both"], [EMBEDDING_OUTPUT], keepdims=0),
        make("Gather", ["floats", "channels"], ["planes"], axis=3),
        make("Greater", ["planes", "dark"], ["seen"]),
        make("Cast", ["seen"], ["lit"], to=TensorProto.FLOAT),
    ]
    for name, axis in (("x", "rows"), ("y", "columns")):
        nodes += [
            make("ReduceMax", ["lit", axis], [f"lit_{name}"], keepdims=0),
            make("Greater", [f"lit_{name}", "none"], [f"seen_{name}"]),
            make("Where", [f"seen_{name}", "places", "far"], [f"low_{name}"]),
            make("Where", [f"seen_{name}", "ends", "none"], [f"high_{name}"]),
            make("ReduceMin", [f"low_{name}", "rows"], [f"first_{name}"], keepdims=0),
            make("ReduceMax", [f"high_{name}", "rows"], [f"end_{name}"], keepdims=0),
        ]
    edges = ["first_x", "first_y", "end_x", "end_y"]
    nodes += [make("Unsqueeze", [edge, "last"], [f"{edge}_"]) for edge in edges]
    nodes += [
        make("Concat", [f"{edge}_" for edge in edges], [BOXES_OUTPUT], axis=2),
        make("ReduceMax", ["lit", "both"], ["found"], keepdims=0),
        make("Unsqueeze", ["found", "last"], ["column"]),
        make("Mul", ["column", "score"], [ANSWER_OUTPUT]),
    ]
    shapes = {
        ANSWER_OUTPUT: ["count", 2, 2],
        EMBEDDING_OUTPUT: ["count", 3],
        BOXES_OUTPUT: ["count", 2, 4],
    }
    graph = helper.make_graph(
        nodes,
        "blobs",
        [
            helper.make_tensor_value_info(
                PICTURES_INPUT, TensorProto.UINT8, ["count", SIDE, SIDE, 3]
            )
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in shapes.items()
        ],
        [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()],
    )
    model = helper.make_model(
        graph, producer_name="midrib", opset_imports=[helper.make_opsetid("", 18)]
    )
    model.ir_version = 10
    onnx.checker.check_model(model, full_check=True)
    return model
