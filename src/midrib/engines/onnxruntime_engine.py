"""ONNX Runtime on the CPU."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import onnxruntime

from midrib.engines.interface import ENGINES, Engine, EngineOptions
from midrib.errors import EngineError
from midrib.packages.card import ANSWER_OUTPUT, EMBEDDING_OUTPUT, PICTURES_INPUT
from midrib.records import Outputs, PixelBatch


@ENGINES.register("onnxruntime")
class OnnxRuntimeEngine(Engine):
    """ONNX Runtime, on the CPU."""

    name = "onnxruntime"
    module = "onnxruntime"
    extra = ""

    def __init__(self, file: Path, options: EngineOptions) -> None:
        session_options = onnxruntime.SessionOptions()
        session_options.intra_op_num_threads = options.threads
        session_options.inter_op_num_threads = 1
        # Spinning threads steal the cores that decode the next pictures.
        session_options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session_options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                file.read_bytes(), session_options, providers=["CPUExecutionProvider"]
            )
        except Exception as problem:  # the binding raises bare pybind exceptions
            raise _engine_error(f"cannot load {file.name}", problem) from problem

    def run(self, pictures: PixelBatch) -> Outputs:
        try:
            answer, embedding = self._session.run(
                [ANSWER_OUTPUT, EMBEDDING_OUTPUT], {PICTURES_INPUT: pictures}
            )
        except Exception as problem:  # the binding raises bare pybind exceptions
            raise _engine_error("cannot run the model", problem) from problem
        return Outputs(answer=answer, embedding=embedding)

    @classmethod
    def version(cls) -> str:
        return version("onnxruntime")


def _engine_error(what: str, problem: Exception) -> EngineError:
    return EngineError(
        f"ONNX Runtime {what}: {problem}",
        expected="an ONNX file with the inputs and outputs of its card",
        todo="run 'midrib package verify' on the package",
    )
