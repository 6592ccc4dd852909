"""OpenVINO on the CPU."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from threading import local
from typing import TYPE_CHECKING

from midrib.engines.interface import ENGINES, Engine, EngineOptions
from midrib.errors import EngineError, MissingExtraError
from midrib.packages.card import ANSWER_OUTPUT, EMBEDDING_OUTPUT, PICTURES_INPUT
from midrib.records import Outputs, PixelBatch

if TYPE_CHECKING:
    import openvino


@ENGINES.register("openvino")
class OpenVinoEngine(Engine):
    """OpenVINO, on the CPU."""

    name = "openvino"
    module = "openvino"
    extra = "openvino"

    def __init__(self, file: Path, options: EngineOptions) -> None:
        if not self.is_installed():
            raise MissingExtraError("the engine 'openvino'", extra=self.extra)
        import openvino

        core = openvino.Core()
        try:
            self._compiled = core.compile_model(
                core.read_model(file),
                "CPU",
                # Full float32: the default may compute in bfloat16 where the CPU has it, which
                # moves answers further from the model than the certificate allows.
                {
                    "INFERENCE_NUM_THREADS": options.threads,
                    "INFERENCE_PRECISION_HINT": "f32",
                    "PERFORMANCE_HINT": "LATENCY",
                },
            )
        except Exception as problem:  # the binding raises bare RuntimeError
            raise _engine_error(f"cannot load {file.name}", problem) from problem
        self._requests = local()

    def run(self, pictures: PixelBatch) -> Outputs:
        request = self._request()
        try:
            request.infer({PICTURES_INPUT: pictures})
            answer = request.get_tensor(ANSWER_OUTPUT).data.copy()
            embedding = request.get_tensor(EMBEDDING_OUTPUT).data.copy()
        except Exception as problem:  # the binding raises bare RuntimeError
            raise _engine_error("cannot run the model", problem) from problem
        return Outputs(answer=answer, embedding=embedding)

    def _request(self) -> openvino.InferRequest:
        """One request a thread: a request holds its own tensors and is not safe to share."""
        if not hasattr(self._requests, "own"):
            self._requests.own = self._compiled.create_infer_request()
        return self._requests.own

    @classmethod
    def version(cls) -> str:
        return version("openvino")


def _engine_error(what: str, problem: Exception) -> EngineError:
    return EngineError(
        f"OpenVINO {what}: {problem}",
        expected="an ONNX file with the inputs and outputs of its card",
        todo="run 'midrib package verify' on the package, or choose --engine onnxruntime",
    )
