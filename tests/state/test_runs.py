import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from midrib.errors import StateError, UnknownNameError
from midrib.state import Releases, Run, Runs, git_commit

PARAMS = {"seed": 7, "optimizer": {"name": "adamw", "rate": 0.001}, "labels": ["crack", "fine"]}


def start(runs: Runs, experiment: str = "cells") -> str:
    return runs.start(experiment, run_name="first try", params=PARAMS, data_version="d" * 64)


def files(run: Run) -> Path:
    return Path(url2pathname(urlsplit(run.artifacts).path))


def test_a_run_says_where_it_comes_from(runs: Runs) -> None:
    """Options, data, code, libraries and machine are there from the start."""
    run = runs.describe(start(runs))
    assert (run.experiment, run.name, run.status) == ("cells", "first try", "running")
    assert run.params == {
        "seed": "7",
        "optimizer.name": "adamw",
        "optimizer.rate": "0.001",
        "labels": "['crack', 'fine']",
    }
    assert run.tags["midrib.data_version"] == "d" * 64
    assert run.tags["midrib.version"] == version("midrib")
    commit = git_commit()
    assert run.tags.get("mlflow.source.git.commit") == (commit.commit if commit else None)
    environment = json.loads((files(run) / "environment.json").read_text())
    assert environment["libraries"]["numpy"] == version("numpy")


def test_metrics_keep_their_last_value(runs: Runs) -> None:
    """Numbers are recorded by step; the run shows the last ones."""
    run_id = start(runs)
    runs.log_metrics(run_id, {"train/loss": 0.9, "lr": 0.1}, step=1)
    runs.log_metrics(run_id, {"train/loss": 0.5}, step=2)
    assert runs.describe(run_id).metrics == {"train/loss": 0.5, "lr": 0.1}


def test_files_stay_with_the_run(runs: Runs, tmp_path: Path) -> None:
    """A logged file is copied into the run's folder, which lies below the artifact root."""
    report = tmp_path / "report.html"
    report.write_text("<p>measured</p>")
    run_id = start(runs)
    runs.log_file(run_id, report, "reports")
    assert (files(runs.describe(run_id)) / "reports/report.html").read_text() == "<p>measured</p>"


def test_a_run_can_be_taken_up_again(runs: Runs) -> None:
    """A killed run is reopened under its own id and goes on counting."""
    run_id = start(runs)
    runs.log_metrics(run_id, {"loss": 0.9}, step=1)
    runs.finish(run_id, "killed")
    killed = runs.describe(run_id)
    assert (killed.status, killed.ended is None) == ("killed", False)
    assert runs.reopen(run_id).status == "running"
    runs.log_metrics(run_id, {"loss": 0.5}, step=2)
    runs.finish(run_id, "finished")
    assert runs.describe(run_id).metrics == {"loss": 0.5}
    assert runs.describe(run_id).as_record()["status"] == "finished"


def test_runs_of_an_experiment_come_newest_first(runs: Runs) -> None:
    """An experiment's runs are found; one that is not there has none."""
    made = [start(runs, "leaves") for _ in range(3)]
    assert [run.run_id for run in runs.find("leaves", most=2)] == made[:0:-1]
    assert runs.find("nothing") == []


def test_mlflow_counts_the_versions(runs: Runs) -> None:
    """Each registration gives the next number, whoever made the ones before."""
    run_id = start(runs)
    assert [runs.register("screws", run_id, source=f"/packages/{n}") for n in (1, 2)] == [1, 2]
    theirs = runs._client.create_model_version("screws", source=f"runs:/{run_id}")
    assert int(theirs.version) == 3
    assert runs.register("screws", run_id, source="/packages/4") == 4
    made = runs._client.get_model_version("screws", "4")
    assert (made.run_id, made.tags) == (run_id, {"midrib.location": "/packages/4"})


def test_packages_from_elsewhere_are_counted_too(runs: Runs) -> None:
    """A package whose run this MLflow has never seen is registered without it."""
    assert runs.register("bolts", "0" * 32, source="/packages/bolts") == 1
    made = runs._client.get_model_version("bolts", "1")
    assert (made.run_id, made.source) == (None, "/packages/bolts")


def test_the_live_version_is_mirrored(runs: Runs) -> None:
    """MLflow's alias 'live' follows."""
    run_id = start(runs)
    for _ in range(2):
        runs.register("nuts", run_id, source="/packages/nuts")
    for number in (1, 2, 1):
        runs.mirror_live("nuts", number)
        assert int(runs._client.get_model_version_by_alias("nuts", "live").version) == number
    with pytest.raises(StateError, match="version=9"):
        runs.mirror_live("nuts", 9)


def test_an_unknown_run_is_refused(runs: Runs) -> None:
    """An id that no run has is named, with the place that was asked."""
    with pytest.raises(UnknownNameError, match=r"'feed'.*mlflow\.db"):
        runs.describe("feed")
    with pytest.raises(UnknownNameError):
        runs.reopen("feed")


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://ada:secret@127.0.0.1:1", "http://127.0.0.1:1 refused: .*Connection refused"),
        ("postgresql://ada:secret@127.0.0.1:1/x", "Connection refused"),
        ("sqlite:////proc/nowhere/mlflow.db", "No such file"),
        ("mlruns", "no place for runs"),
        ("file:///tmp/mlruns", "no place for runs"),
    ],
)
def test_an_mlflow_that_is_not_there_is_one_line(url: str, complaint: str, tmp_path: Path) -> None:
    """The error says what came and what to do, in one line and without the password."""
    with pytest.raises(StateError, match=complaint) as refused:
        start(Runs(url, tmp_path))
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)
    assert refused.value.todo


def test_mlflow_and_releases_may_share_a_database(
    new_postgresql_url: Callable[[], str], tmp_path: Path
) -> None:
    """On one PostgreSQL database each keeps its own tables and its own count of migrations."""
    url = new_postgresql_url()
    Releases(url).close()
    runs = Runs(url, tmp_path)
    assert runs.register("screws", start(runs), source="/packages/1") == 1
    with Releases(url) as releases:
        assert releases.names() == []


def test_first_use_is_quiet_and_calls_nobody(tmp_path: Path) -> None:
    """A fresh process records a run without a word, a warning or telemetry."""
    code = (
        "import sys, logging; logging.basicConfig(level=logging.INFO)\n"
        "from pathlib import Path\n"
        "from midrib.state import Runs\n"
        "assert 'mlflow' not in sys.modules and 'sqlalchemy' not in sys.modules\n"
        f"runs = Runs('sqlite:///{tmp_path}/mlflow.db', Path('{tmp_path}'))\n"
        "run = runs.start('cells', run_name='x', params={}, data_version='d')\n"
        "runs.log_metrics(run, {'loss': 1.0}, step=1)\n"
        "runs.finish(run, 'finished')\n"
        "from mlflow.telemetry import get_telemetry_client\n"
        "assert get_telemetry_client() is None\n"
        "assert 'torch' not in sys.modules\n"
    )
    # Not the test's own environment: MLflow is quieter in what it takes for a test or for CI.
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (tmp_path / ".config").exists()
