"""Every option of training, explained."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from midrib.backbones.catalogue import canonical_name
from midrib.config import Config
from midrib.errors import ConfigError
from midrib.preprocessing import LARGEST_SIDE
from midrib.tasks.algorithms import ALGORITHMS


class TrainConfig(Config):
    """What is trained, how long and how. Two runs of equal options and data are the same run."""

    backbone: str = "efficientnet-lite0"
    """What sees: a registered name, or 'timm:' or 'torchvision:' and any of their models."""

    algorithm: str = "linear-classifier"
    """What answers: a registered algorithm; it brings the task and other defaults."""

    weights: str = "auto"
    """'auto', 'hub', 'packaged', 'none', a safetensors file, its folder, or an earlier run."""

    size: int | None = Field(default=None, ge=16, le=LARGEST_SIDE)
    """Height and width of the model input in pixels; None takes the backbone's native size, for
    detectors and segmenters the pictures' own up to 512."""

    fit: Literal["crop", "squash", "letterbox"] = "crop"
    """How a picture is brought to that size."""

    crop_ratio: float | None = Field(default=None, gt=0, le=1)
    """With 'crop': the share of the resized picture that is kept; None takes the backbone's."""

    epochs: int = Field(default=10, ge=1, le=100_000)
    """Times that every training picture is seen."""

    batch_size: int = Field(default=32, ge=2, le=65_536)
    """Pictures a step, over all devices."""

    learning_rate: float = Field(default=1e-3, gt=0)
    """Peak rate of the backbone."""

    head_rate_factor: float = Field(default=3.0, gt=0)
    """The head, which starts from nothing, learns this many times as fast."""

    weight_decay: float = Field(default=0.02, ge=0)
    """Of weights, never of biases and normalisation layers."""

    optimizer: str = "adamw"
    """One of the registered optimizers."""

    schedule: str = "cosine"
    """One of the registered schedules of the learning rate."""

    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Share of all steps in which the rate rises to its peak."""

    loss: str = "cross-entropy"
    """One of the registered losses; of detectors that of the scores, of segmenters one or several
    joined by '+', as 'dice+cross-entropy'."""

    box_loss: str = "giou"
    """Of detectors: one of the registered losses of boxes."""

    strides: tuple[int, ...] | None = Field(default=None, min_length=1)
    """Of detectors: of the maps that are read, in pixels ('8,16,32'); None derives them from the
    boxes."""

    anchor_sizes: tuple[float, ...] | None = Field(default=None, min_length=1)
    """Of detectors with anchors: square roots of their areas at the finest stride, in pixels, twice
    as large at the next; None derives them."""

    anchor_ratios: tuple[float, ...] | None = Field(default=None, min_length=1)
    """Of detectors with anchors: height over width; None derives them."""

    region_cells: int | None = Field(default=None, ge=1)
    """Of two-stage detectors: cells along the side of a region that is read from a map; None takes
    14."""

    label_smoothing: float = Field(default=0.05, ge=0, lt=1)
    """Share of each label that is spread over all classes."""

    class_weights: Literal["none", "balanced"] = "none"
    """'balanced' counts each class by one over its share, of pictures or of pixels."""

    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Share of the pooled features set to zero."""

    frozen_stages: int = Field(default=0, ge=0)
    """Stages of the backbone, from the stem on, that stay as they are."""

    augmentation: str = "flip"
    """One of the registered augmentations: 'light', 'standard' and 'strong' change ever more."""

    mixup: float = Field(default=0.0, ge=0, le=10)
    """Blend pictures and their labels in pairs: parameter of the share's Beta distribution."""

    cutmix: float = Field(default=0.0, ge=0, le=10)
    """Paste a rectangle of another picture in, and its share of the label; parameter likewise."""

    metric: str = "roc_auc"
    """The metric of the validation split by which the best epoch and early stopping go."""

    patience: int = Field(default=5, ge=1)
    """Epochs without a better metric after which training stops."""

    ema_decay: float = Field(default=0.98, ge=0, lt=1)
    """Decay of the moving average of the weights, which is what is kept; 0 turns it off."""

    gradient_clip: float = Field(default=5.0, ge=0)
    """Largest norm of the gradient; 0 does not clip."""

    checkpoint_steps: int = Field(default=100, ge=1)
    """Steps between checkpoints; one is written after each epoch too."""

    seed: int = Field(default=0, ge=0)
    """Of everything random."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """'auto' takes CUDA, else MPS, else the CPU."""

    devices: int = Field(default=1, ge=1)
    """How many of them; more than one train data-parallel."""

    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = "auto"
    """'auto' mixes where the device has it: bf16 or fp16 on CUDA, 32 bit elsewhere."""

    workers: int = Field(default=0, ge=0)
    """Processes that read pictures beside the training process."""

    def model_post_init(self, _: Any) -> None:
        """Take the algorithm's own defaults. Raises ``ConfigError`` for what it has no use for."""
        algorithm = ALGORITHMS.get(self.algorithm)
        given = self.model_fields_set - {"algorithm"}
        for name, value in algorithm.defaults.items():
            if name not in given:
                object.__setattr__(self, name, value)
        for name in sorted(given & algorithm.without):
            usual = algorithm.defaults.get(name, type(self).model_fields[name].default)
            if getattr(self, name) != usual:
                raise ConfigError(
                    f"option '{name}' is {getattr(self, name)!r} for {self.algorithm}",
                    expected="options that it has a use for",
                    todo="leave it out",
                )

    @field_validator("strides", "anchor_sizes", "anchor_ratios", mode="before")
    @classmethod
    def _listed(cls, typed: object) -> object:
        """'4,8' as it is typed is the list of these numbers."""
        return typed.split(",") if isinstance(typed, str) else typed

    @field_validator("strides", "anchor_sizes", "anchor_ratios")
    @classmethod
    def _above_zero(cls, values: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if values is not None and not all(value > 0 for value in values):
            raise ValueError("numbers above 0")
        return values

    @field_validator("backbone")
    @classmethod
    def _spelt_as_registered(cls, typed: str) -> str:
        """However it is typed, one backbone is one run. Raises ``UnknownNameError``."""
        return canonical_name(typed)
