from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tiny_package import make_tiny_package

from midrib.packages import Package
from midrib.packages.card import ANSWER_OUTPUT, EMBEDDING_OUTPUT, PICTURES_INPUT

_FEATURES, _CLASSES, _SIDE = 24, 5, 48


@pytest.fixture(scope="session")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """A package that decides by mean colour."""
    return make_tiny_package(tmp_path_factory.mktemp("package") / "colours")


@pytest.fixture
def own_package(tmp_path: Path) -> Package:
    """The same, for a test to spoil."""
    return make_tiny_package(tmp_path / "colours")


@pytest.fixture(scope="session")
def convolutional_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of random convolutions: uint8, count × 48 × 48 × 3, to 5 classes."""
    random = np.random.default_rng(0)
    weights = {
        "scale": np.float32(1 / 255),
        "kernel_1": random.normal(0, 0.3, (16, 3, 5, 5)).astype(np.float32),
        "kernel_2": random.normal(0, 0.15, (_FEATURES, 16, 3, 3)).astype(np.float32),
        "head": random.normal(0, 2, (_FEATURES, _CLASSES)).astype(np.float32),
        "places": np.array([2, 3], np.int64),
    }
    nodes = [
        helper.make_node("Cast", [PICTURES_INPUT], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["floats", "scale"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "kernel_1"], ["edges"], strides=[2, 2]),
        helper.make_node("Relu", ["edges"], ["lit"]),
        helper.make_node("Conv", ["lit", "kernel_2"], ["parts"], strides=[2, 2]),
        helper.make_node("Relu", ["parts"], ["seen"]),
        helper.make_node("ReduceMean", ["seen", "places"], [EMBEDDING_OUTPUT], keepdims=0),
        helper.make_node("MatMul", [EMBEDDING_OUTPUT, "head"], ["logits"]),
        helper.make_node("Softmax", ["logits"], [ANSWER_OUTPUT], axis=1),
    ]
    pictures = helper.make_tensor_value_info(
        PICTURES_INPUT, TensorProto.UINT8, ["count", _SIDE, _SIDE, 3]
    )
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["count", size])
        for name, size in ((ANSWER_OUTPUT, _CLASSES), (EMBEDDING_OUTPUT, _FEATURES))
    ]
    constants = [numpy_helper.from_array(np.asarray(value), key) for key, value in weights.items()]
    model = helper.make_model(
        helper.make_graph(nodes, "convolutions", [pictures], outputs, constants),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )
    file = tmp_path_factory.mktemp("model") / "convolutions.onnx"
    onnx.save_model(model, file)
    return file
