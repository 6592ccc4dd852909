"""OpenVINO, on the CPU or what else it finds."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from threading import local
from typing import TYPE_CHECKING

from midrib.engines.interface import CPU, ENGINES, Engine, EngineOptions, Precision, require_options
from midrib.errors import EngineError, MissingExtraError
from midrib.packages.card import (
    ANSWER_OUTPUT,
    EMBEDDING_OUTPUT,
    OBJECT_OUTPUTS,
    PICTURES_INPUT,
)
from midrib.records import Outputs, PixelBatch

if TYPE_CHECKING:
    import openvino

_HINTS: dict[Precision, str] = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}


@ENGINES.register("openvino")
class OpenVinoEngine(Engine):
    """OpenVINO: a device is one of its plug-ins'."""

    name = "openvino"
    module = "openvino"
    extra = "openvino"

    def __init__(self, file: Path, options: EngineOptions) -> None:
        if not self.is_installed():
            raise MissingExtraError("the engine 'openvino'", extra=self.extra)
        require_options(type(self), options)
        import openvino

        core = openvino.Core()
        device = options.device.upper()
        # Unless told otherwise full float32: the default may compute in bfloat16 where the CPU has
        # it, which moves answers further from the model than the certificate allows.
        hints: dict[str, object] = {
            "INFERENCE_PRECISION_HINT": _HINTS[options.precision],
            "PERFORMANCE_HINT": "LATENCY",
        }
        if options.device == CPU:
            hints["INFERENCE_NUM_THREADS"] = options.threads
        try:
            self._compiled = core.compile_model(core.read_model(file), device, hints)
        except Exception as problem:  # the binding raises bare RuntimeError
            raise _engine_error(f"cannot load {file.name}", problem) from problem
        given = {name for each in self._compiled.outputs for name in each.get_names()}
        objects = [name for name in OBJECT_OUTPUTS if name in given]
        self._outputs = [ANSWER_OUTPUT, EMBEDDING_OUTPUT, *objects]
        self._requests = local()

    def run(self, pictures: PixelBatch) -> Outputs:
        request = self._request()
        try:
            request.infer({PICTURES_INPUT: pictures})
            answered = [request.get_tensor(name).data.copy() for name in self._outputs]
        except Exception as problem:  # the binding raises bare RuntimeError
            raise _engine_error("cannot run the model", problem) from problem
        return Outputs(**dict(zip(self._outputs, answered, strict=True)))

    def _request(self) -> openvino.InferRequest:
        """One request a thread: a request holds its own tensors and is not safe to share."""
        if not hasattr(self._requests, "own"):
            self._requests.own = self._compiled.create_infer_request()
        return self._requests.own

    @classmethod
    def version(cls) -> str:
        return version("openvino")

    @classmethod
    def devices(cls) -> list[str]:
        import openvino

        return sorted(device.lower() for device in openvino.Core().available_devices)

    @classmethod
    def precisions(cls, device: str) -> list[Precision]:
        import openvino

        able = openvino.Core().get_property(device.upper(), "OPTIMIZATION_CAPABILITIES")
        return [precision for precision in _HINTS if precision.upper() in able]


def _engine_error(what: str, problem: Exception) -> EngineError:
    return EngineError(
        f"OpenVINO {what}: {problem}",
        expected="an ONNX file with the inputs and outputs of its card",
        todo="run 'midrib package verify' on the package, or choose --engine onnxruntime",
    )
