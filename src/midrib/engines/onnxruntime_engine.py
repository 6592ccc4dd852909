"""ONNX Runtime, on the CPU or what else the installed build has."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import onnxruntime

from midrib.engines.interface import ENGINES, Engine, EngineOptions, Precision, require_options
from midrib.errors import EngineError
from midrib.packages.card import (
    ANSWER_OUTPUT,
    EMBEDDING_OUTPUT,
    OBJECT_OUTPUTS,
    PICTURES_INPUT,
)
from midrib.records import Outputs, PixelBatch

_SUFFIX = "ExecutionProvider"


@ENGINES.register("onnxruntime")
class OnnxRuntimeEngine(Engine):
    """ONNX Runtime: a device is one of its execution providers."""

    name = "onnxruntime"
    module = "onnxruntime"
    extra = ""

    def __init__(self, file: Path, options: EngineOptions) -> None:
        require_options(type(self), options)
        session_options = onnxruntime.SessionOptions()
        session_options.intra_op_num_threads = options.threads
        session_options.inter_op_num_threads = 1
        # Spinning threads steal the cores that decode the next pictures.
        session_options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session_options.log_severity_level = 3
        provider = _providers()[options.device]
        try:
            self._session = onnxruntime.InferenceSession(
                file.read_bytes(), session_options, providers=[provider]
            )
        except Exception as problem:  # the binding raises bare pybind exceptions
            raise _engine_error(f"cannot load {file.name}", problem) from problem
        # A provider whose libraries are missing is left out with no more than a line in the log.
        if provider not in self._session.get_providers():
            raise _engine_error(f"cannot load {file.name}", f"{provider} does not start here")
        given = {each.name for each in self._session.get_outputs()}
        objects = [name for name in OBJECT_OUTPUTS if name in given]
        self._outputs = [ANSWER_OUTPUT, EMBEDDING_OUTPUT, *objects]

    def run(self, pictures: PixelBatch) -> Outputs:
        try:
            answered = self._session.run(self._outputs, {PICTURES_INPUT: pictures})
        except Exception as problem:  # the binding raises bare pybind exceptions
            raise _engine_error("cannot run the model", problem) from problem
        return Outputs(**dict(zip(self._outputs, answered, strict=True)))

    @classmethod
    def version(cls) -> str:
        try:
            return version("onnxruntime")
        except PackageNotFoundError:  # installed as onnxruntime-gpu or another of its builds
            return str(onnxruntime.__version__)

    @classmethod
    def devices(cls) -> list[str]:
        return sorted(_providers())

    @classmethod
    def precisions(cls, device: str) -> list[Precision]:  # noqa: ARG003 - alike on all of them
        # It computes in what the file says, and float files say float32.
        return ["fp32"]


def _providers() -> dict[str, str]:
    """Device, in lower case, to execution provider; Azure's is a service, not a device."""
    found = [name.removesuffix(_SUFFIX) for name in onnxruntime.get_available_providers()]
    return {name.lower(): name + _SUFFIX for name in found if name != "Azure"}


def _engine_error(what: str, problem: Exception | str) -> EngineError:
    return EngineError(
        f"ONNX Runtime {what}: {problem}",
        expected="an ONNX file with the inputs and outputs of its card",
        todo="run 'midrib package verify' on the package",
    )
