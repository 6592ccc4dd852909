"""Files of tensors: every file of weights passes here before a network gets any of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from midrib.backbones.weights.local_weights import require_safetensors
from midrib.errors import StorageError

Tensors = dict[str, Tensor]

_SHOWN = 3


def read_tensors(file: Path) -> Tensors:
    """All tensors of a safetensors file. Raises ``StorageError`` as `require_finite` does."""
    require_safetensors(file)
    tensors = load_file(file)
    require_finite(tensors, file)
    return tensors


def each_its_own(tensors: Mapping[str, Tensor]) -> Tensors:
    """The tensors as files hold them: contiguous, and no two in the same memory.

    A layer that stands in two places, as CoaT's position encodings, is written under both names.
    """
    own: Tensors = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        plain = tensor.contiguous()
        own[name] = plain.clone() if plain.data_ptr() in seen else plain
        seen.add(plain.data_ptr())
    return own


def require_finite(tensors: Tensors, file: Path) -> None:
    """Raise ``StorageError``, naming the first tensors of ``file``, for NaN or infinity in any."""
    broken = sorted(name for name, tensor in tensors.items() if not _is_finite(tensor))
    if broken:
        more = " …" if len(broken) > _SHOWN else ""
        raise StorageError(
            f"{file} holds NaN or infinity in {len(broken)} of {len(tensors)} tensors: "
            + ", ".join(broken[:_SHOWN])
            + more,
            expected="weights that are finite",
            todo="name a file from before they broke: training that diverges leaves such weights",
        )


def _is_finite(tensor: Tensor) -> bool:
    if not tensor.is_floating_point():
        return True
    # As float32, which is what networks hold: a float64 may be beyond it.
    numbers = tensor.float()
    # A single number may be a bound that bounds nothing, as in timm's Gemma 4.
    sound = numbers.isfinite() if tensor.ndim else ~numbers.isnan()
    return bool(sound.all())
