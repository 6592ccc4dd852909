"""Runs and model versions, kept in MLflow: where they came from and what they measured."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from midrib.errors import StateError, UnknownNameError
from midrib.state.provenance import environment, git_commit
from midrib.state.records import Run, RunStatus
from midrib.state.tracking import connect, is_server, load_mlflow, none_on, shown, tracking_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param
    from mlflow.entities import Run as MlflowRun

LIVE_ALIAS = "live"
DATA_TAG = "midrib.data_version"
VERSION_TAG = "midrib.version"
DIRTY_TAG = "midrib.git_dirty"
LOCATION_TAG = "midrib.location"
COMMIT_TAG = "mlflow.source.git.commit"
"""MLflow's own: its pages show it."""

ENVIRONMENT_FILE = "environment.json"

_EXISTS = "RESOURCE_ALREADY_EXISTS"
_MISSING = "RESOURCE_DOES_NOT_EXIST"


class Runs:
    """Runs and model versions in one MLflow. Connects at the first call, which takes seconds.

    Args:
        tracking_url: an MLflow server, or a SQL database that MLflow keeps itself.
        artifact_root: the folder of the runs' files; a server keeps them itself instead.

    Raises:
        StateError: from every method, when MLflow does not answer or refuses.
        MissingExtraError: from every method, when MLflow is not installed.
    """

    def __init__(self, tracking_url: str, artifact_root: Path) -> None:
        self._url = tracking_url
        self._artifact_root = artifact_root

    def start(
        self, experiment: str, *, run_name: str, params: Mapping[str, object], data_version: str
    ) -> str:
        """Open a run and record what it starts from; gives the run's id.

        Args:
            experiment: what the run belongs to, made if missing.
            run_name: what people read.
            params: the resolved options; nested ones become ``outer.inner``. MLflow cuts a value
                after 6000 characters.
            data_version: hash of the data set, its labels and its splits.
        """
        with self._mlflow() as client:
            run = client.create_run(
                self._experiment_id(client, experiment),
                run_name=run_name,
                tags=_origin_tags() | {DATA_TAG: data_version},
            )
            run_id: str = run.info.run_id
            client.log_batch(run_id, params=_as_params(params))
            client.log_dict(run_id, environment(), ENVIRONMENT_FILE)
        return run_id

    def reopen(self, run_id: str) -> Run:
        """Go on with a run that was interrupted. Raises ``UnknownNameError``."""
        self.describe(run_id)
        with self._mlflow() as client:
            client.update_run(run_id, status="RUNNING")
        return self.describe(run_id)

    def log_metrics(self, run_id: str, metrics: Mapping[str, float], step: int) -> None:
        """Record numbers of one step, in one call."""
        with self._mlflow() as client:
            client.log_batch(run_id, metrics=_as_metrics(metrics, step))

    def log_file(self, run_id: str, path: Path, folder: str = "") -> None:
        """Keep a copy of a file with the run, in ``folder`` of its files."""
        with self._mlflow() as client:
            client.log_artifact(run_id, str(path), folder or None)

    def finish(self, run_id: str, status: Literal["finished", "failed", "killed"]) -> None:
        """Close a run."""
        with self._mlflow() as client:
            client.set_terminated(run_id, status.upper())

    def register(self, name: str, run_id: str, *, source: str) -> int:
        """Make the package at ``source`` the next version of ``name``; gives its number.

        MLflow counts, for it may hold versions that we have never seen. A server refuses local
        folders as a version's source: that is the run, and ``source`` the tag
        ``midrib.location``. Only a run of another MLflow's has to be left out.
        """
        with self._mlflow() as client:
            none_on(_EXISTS, lambda: client.create_registered_model(name))
            known = none_on(_MISSING, lambda: client.get_run(run_id)) is not None
            made = client.create_model_version(
                name,
                source=f"runs:/{run_id}" if known else source,
                run_id=run_id if known else None,
                tags={LOCATION_TAG: source},
            )
        return int(made.version)

    def mirror_live(self, name: str, number: int) -> None:
        """Point MLflow's alias 'live' at a version. A mirror: ``Releases`` decides what is live."""
        with self._mlflow() as client:
            client.set_registered_model_alias(name, LIVE_ALIAS, str(number))

    def describe(self, run_id: str) -> Run:
        """The run as it stands now. Raises ``UnknownNameError``."""
        with self._mlflow() as client:
            run = none_on(_MISSING, lambda: client.get_run(run_id))
            if run is not None:
                return _as_run(run, client.get_experiment(run.info.experiment_id).name)
        raise UnknownNameError(
            f"no run has the id '{run_id}'",
            expected=f"a run of the MLflow at {shown(self._url)}",
            todo="check the id, and MIDRIB_TRACKING_URL",
        )

    def find(self, experiment: str, *, most: int = 100) -> list[Run]:
        """The runs of an experiment, newest first; none for one that is not there."""
        with self._mlflow() as client:
            found = client.get_experiment_by_name(experiment)
            if found is None:
                return []
            order = ["attributes.start_time DESC"]
            runs = client.search_runs([found.experiment_id], order_by=order, max_results=most)
            return [_as_run(run, experiment) for run in runs]

    @contextmanager
    def _mlflow(self) -> Iterator[MlflowClient]:
        client = self._client
        with tracking_errors(self._url):
            yield client

    @cached_property
    def _client(self) -> MlflowClient:
        return connect(self._url)

    def _experiment_id(self, client: MlflowClient, name: str) -> str:
        files = None if is_server(self._url) else (self._artifact_root / name).absolute().as_uri()
        made = none_on(_EXISTS, lambda: client.create_experiment(name, artifact_location=files))
        known = made or getattr(client.get_experiment_by_name(name), "experiment_id", None)
        if known is None:
            raise StateError(
                f"MLflow at {shown(self._url)} says both that '{name}' exists and that it does not",
                expected="an experiment that this user may see",
                todo="ask who runs the server for the right to read it",
            )
        return str(known)


def _origin_tags() -> dict[str, str]:
    tags = {VERSION_TAG: version("midrib")}
    commit = git_commit()
    if commit is not None:
        tags |= {COMMIT_TAG: commit.commit, DIRTY_TAG: str(commit.dirty).lower()}
    return tags


def _as_params(options: Mapping[str, object]) -> list[Param]:
    param = load_mlflow().entities.Param
    return [param(name, str(value)) for name, value in _flatten(options).items()]


def _as_metrics(metrics: Mapping[str, float], step: int) -> list[Metric]:
    metric = load_mlflow().entities.Metric
    now_ms = time.time_ns() // 1_000_000
    return [metric(name, value, now_ms, step) for name, value in metrics.items()]


def _flatten(options: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in options.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _as_run(run: MlflowRun, experiment: str) -> Run:
    info, data = run.info, run.data
    return Run(
        run_id=info.run_id,
        experiment=experiment,
        name=info.run_name or "",
        status=cast("RunStatus", info.status.lower()),
        started=_moment(info.start_time),
        ended=_moment(info.end_time) if info.end_time else None,
        params=dict(data.params),
        metrics=dict(data.metrics),
        tags=dict(data.tags),
        artifacts=info.artifact_uri,
    )


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
