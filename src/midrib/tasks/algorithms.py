"""What can answer, and what each asks of a backbone. Nothing here loads torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from midrib.backbones.pyramid.strides import source_of
from midrib.errors import UsageError
from midrib.names import Registry, unknown_name


@dataclass(frozen=True)
class Fit:
    """The strides that an algorithm reads, by whether a backbone has them.

    ``own`` are the backbone's own maps, ``added`` come from an added layer, ``missing`` cannot be
    had: then the algorithm does not take the backbone.
    """

    own: tuple[int, ...]
    added: tuple[int, ...]
    missing: tuple[int, ...]

    @property
    def takes(self) -> bool:
        """Whether the algorithm can have all that it reads."""
        return not self.missing

    def as_record(self) -> dict[str, object]:
        return {
            "takes": self.takes,
            "own": list(self.own),
            "added": list(self.added),
            "missing": list(self.missing),
        }

    def describe(self) -> str:
        """In words, for a row of a table."""
        parts = [
            f"{_listed(strides)} {how}"
            for strides, how in (
                (self.own, "its own"),
                (self.added, "by an added layer"),
                (self.missing, "not to be had"),
            )
            if strides
        ]
        return f"maps of stride {'; '.join(parts)}" if parts else "pooled features"


@dataclass(frozen=True)
class Algorithm:
    """A head with its loss and its decoding.

    ``strides`` are those of the maps that it reads, in pixels; none where it reads the pooled
    features, which every backbone has. ``reference`` is the paper, or the module that explains it.
    ``maker`` is where the function stands that makes the model, as 'module:name'; it takes a
    `midrib.tasks.interface.ModelRequest` and returns a `TaskModel`. ``defaults`` are options of
    training that are other than usual unless they are given, and ``without`` those that mean
    nothing to it: they are refused when they are given. ``cells`` are those of its map along the
    side of an object, and ``region_cells`` along that of a region which a two-stage detector reads
    again: None where there are no regions. ``with_masks`` says that it draws the
    objects that it finds, and so learns from masks or outlines alone.
    """

    task: str
    head: str
    reference: str
    strides: tuple[int, ...] = ()
    maker: str = ""
    defaults: Mapping[str, object] = field(default_factory=lambda: _NO_OPTIONS)
    without: frozenset[str] = frozenset()
    cells: int = 4
    region_cells: int | None = None
    with_masks: bool = False

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of tasks that it may be asked for."""
        return (self.task, INSTANCES) if self.with_masks else (self.task,)

    def fit(self, own: Sequence[int]) -> Fit:
        """How a backbone meets it whose maps have the strides ``own``, finest first."""
        had = {stride for stride in self.strides if source_of(stride, own) is not None}
        return Fit(
            own=tuple(stride for stride in self.strides if stride in own),
            added=tuple(stride for stride in self.strides if stride in had and stride not in own),
            missing=tuple(stride for stride in self.strides if stride not in had),
        )


_NO_OPTIONS: Mapping[str, object] = MappingProxyType({})

ALGORITHMS: Registry[Algorithm] = Registry("algorithm")

INSTANCES = "instances"
"""What users call detection with a mask of each object."""

USUAL = {
    "classification": "linear-classifier",
    "detection": "retinanet",
    "segmentation": "unet",
    INSTANCES: "mask-rcnn",
}
"""The algorithm to name to someone who asks for that task."""


def algorithm_for(task: str | None, algorithm: str | None) -> str | None:
    """The algorithm that is named, or the usual one of a task, or None without either.

    Args:
        task: its name or the beginning of it, as 'segment' for 'segmentation'.
        algorithm: by name.

    Raises:
        UnknownNameError: there is no such task or algorithm.
        UsageError: the algorithm is for another task.
    """
    if task is None:
        return algorithm
    meant = [name for name in USUAL if task and name.startswith(task)]
    if not meant:
        raise unknown_name("task", task, USUAL)
    if algorithm is None:
        return USUAL[meant[0]]
    its = ALGORITHMS.get(algorithm)
    if meant[0] not in its.tasks:
        raise UsageError(
            f"{algorithm} is for {its.task}, and the task is {meant[0]}",
            expected="one that fits the other",
            todo=f"leave one of them out, or name --algorithm {USUAL[meant[0]]}",
        )
    return algorithm


OF_PLANS = frozenset({"strides", "anchor_sizes", "anchor_ratios", "region_cells"})
"""Options in place of what is derived from boxes."""

_NOT_FOR_DETECTORS = frozenset(
    {
        *("fit", "crop_ratio", "label_smoothing", "class_weights"),
        *("dropout", "mixup", "cutmix", "region_cells"),
    }
)
_OF_DETECTORS = MappingProxyType(
    {
        "fit": "letterbox",
        "loss": "focal",
        "augmentation": "light",
        "metric": "ap50",
        "batch_size": 8,
        "head_rate_factor": 1.0,
        "learning_rate": 5e-4,
    }
)

_NOT_FOR_SEGMENTERS = OF_PLANS | {
    *("crop_ratio", "label_smoothing", "dropout", "mixup", "cutmix", "box_loss"),
}
_OF_SEGMENTERS = MappingProxyType(
    {
        "fit": "letterbox",
        "loss": "dice+cross-entropy",
        "augmentation": "light",
        "metric": "miou",
        "batch_size": 8,
        "head_rate_factor": 1.0,
    }
)

ALGORITHMS.register("linear-classifier")(
    Algorithm(
        task="classification",
        head="one linear layer on the pooled features",
        reference="midrib.tasks.classification",
        maker="midrib.tasks.classification:linear_classifier",
        without=OF_PLANS | {"box_loss"},
    )
)

ALGORITHMS.register("retinanet")(
    Algorithm(
        task="detection",
        head="convolutions that score and move anchors at every level of a pyramid",
        reference="arXiv 1708.02002",
        strides=(8, 16, 32),
        maker="midrib.tasks.detection.retinanet:retinanet",
        defaults=_OF_DETECTORS,
        without=_NOT_FOR_DETECTORS,
    )
)

ALGORITHMS.register("fcos")(
    Algorithm(
        task="detection",
        head="convolutions that tell the four edges around every cell of a pyramid",
        reference="arXiv 2006.09214",
        strides=(8, 16, 32),
        maker="midrib.tasks.detection.fcos:fcos",
        defaults=_OF_DETECTORS,
        without=_NOT_FOR_DETECTORS | {"anchor_sizes", "anchor_ratios"},
    )
)

ALGORITHMS.register("ssd")(
    Algorithm(
        task="detection",
        head="a small convolution at every level that scores and moves anchors",
        reference="arXiv 1512.02325",
        strides=(8, 16, 32),
        maker="midrib.tasks.detection.ssd:ssd",
        defaults=MappingProxyType({**_OF_DETECTORS, "loss": "cross-entropy"}),
        without=_NOT_FOR_DETECTORS | {"loss"},
    )
)

ALGORITHMS.register("yolov3")(
    Algorithm(
        task="detection",
        head="five convolutions a level; one anchor in the cell of its centre finds an object",
        reference="arXiv 1804.02767",
        strides=(8, 16, 32),
        maker="midrib.tasks.detection.yolov3:yolov3",
        defaults=MappingProxyType({**_OF_DETECTORS, "loss": "cross-entropy"}),
        without=_NOT_FOR_DETECTORS,
    )
)


for _name, _head, _reference in (
    ("unet", "maps joined step by step up to the pixels", "arXiv 1505.04597"),
    ("unet++", "a U-Net with maps between those that it joins", "arXiv 1807.10165"),
    ("fpn", "a feature pyramid whose levels are added up", "arXiv 1901.02446"),
    (
        "deeplabv3+",
        "dilated convolutions of several rates, joined with fine maps",
        "arXiv 1802.02611",
    ),
    ("pspnet", "pooling over the picture and parts of it", "arXiv 1612.01105"),
    ("segformer", "a linear layer a level, joined at stride 4", "arXiv 2105.15203"),
):
    ALGORITHMS.register(_name)(
        Algorithm(
            task="segmentation",
            head=_head,
            reference=_reference,
            strides=(4, 8, 16, 32),
            maker="midrib.tasks.segmentation.network:segmenter",
            defaults=_OF_SEGMENTERS,
            without=_NOT_FOR_SEGMENTERS,
        )
    )
_OF_TWO_STAGES = MappingProxyType(
    {**_OF_DETECTORS, "loss": "cross-entropy", "box_loss": "smooth-l1"}
)
_NOT_FOR_TWO_STAGES = (_NOT_FOR_DETECTORS | {"loss"}) - {"region_cells"}
_CELLS = 8  # anchors of 32 pixels at stride 4, as FPN has them (arXiv 1612.03144, section 4.1)
_REGION_CELLS = 14  # regions of 224 pixels from stride 16 (equation 1 there)

_FASTER_RCNN = Algorithm(
    task="detection",
    head="anchors propose regions; two large layers look at each region again",
    reference="arXiv 1506.01497",
    strides=(8, 16, 32),
    maker="midrib.tasks.detection.faster_rcnn:faster_rcnn",
    defaults=_OF_TWO_STAGES,
    without=_NOT_FOR_TWO_STAGES,
    cells=_CELLS,
    region_cells=_REGION_CELLS,
)

ALGORITHMS.register("faster-rcnn")(_FASTER_RCNN)

ALGORITHMS.register("r-fcn")(
    replace(
        _FASTER_RCNN,
        head="anchors propose regions; each part of a region votes from maps of its own",
        reference="arXiv 1605.06409",
        maker="midrib.tasks.detection.r_fcn:r_fcn",
    )
)

ALGORITHMS.register("mask-rcnn")(
    replace(
        _FASTER_RCNN,
        head="a Faster R-CNN that draws a mask of 28 × 28 in the box of each object",
        reference="arXiv 1703.06870",
        maker="midrib.tasks.detection.mask_rcnn:mask_rcnn",
        with_masks=True,
    )
)


def _listed(strides: Sequence[int]) -> str:
    return ", ".join(map(str, strides))
