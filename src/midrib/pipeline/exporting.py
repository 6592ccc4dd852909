"""Export: a package of a run, made again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from midrib.evaluation import AnyEvaluation
from midrib.exporting import ExportConfig, make_package
from midrib.pipeline.evaluating import EvaluationResult
from midrib.pipeline.run_data import as_trained, require_label, require_objects
from midrib.pipeline.run_stages import package_run
from midrib.reporting import SILENT, Reporter
from midrib.tasks import ALGORITHMS
from midrib.training import RunFolder


@dataclass(frozen=True)
class Exported:
    """A package of a run."""

    package: Path
    test: AnyEvaluation

    def as_record(self) -> dict[str, object]:
        return {"package": str(self.package), "test": self.test.as_record()}

    def lines(self) -> list[str]:
        return [*EvaluationResult(self.test).lines(), f"package    {self.package}"]


def export(
    run: str | Path,
    *,
    config: ExportConfig | None = None,
    output: Path | None = None,
    reporter: Reporter = SILENT,
) -> Exported:
    """Make a package of a trained run again, on the pictures that it was trained with.

    Args:
        run: the run's folder.
        config: how the model decides.
        output: where to write; None replaces the run's own package.
        reporter: is told how far it is.

    Raises:
        TrainingError: ``run`` is no run's folder.
        DatasetError: its pictures have changed since.
    """
    folder, config = RunFolder(Path(run)), config or ExportConfig()
    require_objects(folder.record().train.algorithm, config)
    dataset = as_trained(folder, reporter)
    task = ALGORITHMS.get(folder.record().train.algorithm).task
    require_label(dataset, task, config)
    if output is None:
        packaged = package_run(folder, dataset, config, reporter)
        return Exported(packaged.package.folder, packaged.test)
    with reporter.bar("export and score") as advance:
        packaged = make_package(
            folder,
            dataset,
            config,
            output,
            progress=lambda done, total: advance(done, total, ""),
        )
    return Exported(packaged.package.folder, packaged.test)
