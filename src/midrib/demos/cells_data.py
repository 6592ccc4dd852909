"""2,624 photos of solar cells, as the package 'elpv-dataset' carries them.

Deitsch et al., 'Automatic classification of defective photovoltaic module cells in
electroluminescence images', Solar Energy 185, 2019. The data are CC BY-NC-SA 4.0: not for
commercial use.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from midrib.downloads import PackagedArchive, extract_folder, fetch_archive
from midrib.settings import Settings
from midrib.storage import write_text

LICENCE = "CC BY-NC-SA 4.0"
ARCHIVE = PackagedArchive(
    requirement="elpv-dataset==1.0.0.post1",
    file_name="elpv_dataset-1.0.0.post1-py3-none-any.whl",
    sha256="85e31c1126ee9b48e62d3a0232c58f58b2d189b0814a45c13642fa0415af4a4c",
    size_megabytes=91,
    licence=LICENCE,
)
NO_MODULES = (
    "The data name no modules: cells of one module may lie on both sides of the split, which "
    "flatters every score."
)
DEFECTIVE, SOUND = "defective", "sound"
_DEFECT_PROBABILITY = 0.4
_TABLE = "cells.csv"


def cells_table(settings: Settings) -> Path:
    """A table of path and label, 'defective' or 'sound', beside the pictures.

    Downloads and unpacks once. Raises ``StorageError``.
    """
    archive = fetch_archive(ARCHIVE, settings.downloads, offline=settings.offline)
    folder = extract_folder(archive, "elpv_dataset/data", settings.folder / "pictures" / "cells")
    table = folder / _TABLE
    if not table.is_file():
        write_text(table, _label_table(folder / "labels.csv"))
    return table


def _label_table(foreign: Path) -> str:
    """Columns of the package's table, parted by spaces: path, defect probability, cell type."""
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(["path", "label"])
    for line in foreign.read_text(encoding="utf-8").splitlines():
        path, probability, _cell_type = line.split()
        table.writerow([path, DEFECTIVE if float(probability) > _DEFECT_PROBABILITY else SOUND])
    return stream.getvalue()
