import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import requests

from midrib.errors import StateError
from midrib.state import Runs

_NEEDED = ("flask", "flask_cors", "huey", "pandas")

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(
        not all(find_spec(module) for module in _NEEDED),
        reason=f"mlflow-skinny has no server of its own: one starts where {', '.join(_NEEDED)} are",
    ),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, new_port: Callable[[], int]) -> Iterator[str]:
    """URL of an MLflow server, which keeps the runs' files itself."""
    home, port = tmp_path_factory.mktemp("server"), new_port()
    call = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--workers", "1"]
    call += ["--port", str(port), "--backend-store-uri", f"sqlite:///{home / 'mlflow.db'}"]
    call += ["--artifacts-destination", str(home / "files")]
    quiet = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            call, cwd=home, env=quiet, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", process, home / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_server_keeps_runs_and_files(server: str, tmp_path: Path) -> None:
    """A run, its numbers and its files go over HTTP; nothing is written on this side."""
    report, root = tmp_path / "report.html", tmp_path / "root"
    report.write_text("<p>measured</p>")
    runs = Runs(server, root)
    run_id = runs.start("cells", run_name="over HTTP", params={"a": {"b": 1}}, data_version="d")
    runs.log_metrics(run_id, {"loss": 0.5}, step=1)
    runs.log_file(run_id, report, "reports")
    runs.finish(run_id, "finished")
    run = runs.describe(run_id)
    assert (run.status, run.params, run.metrics) == ("finished", {"a.b": "1"}, {"loss": 0.5})
    kept = [file.path for file in runs._client.list_artifacts(run_id, "reports")]
    assert kept == ["reports/report.html"]
    assert [found.run_id for found in runs.find("cells")] == [run_id]
    assert not root.exists()


def test_a_server_counts_versions_of_local_packages(server: str, tmp_path: Path) -> None:
    """A package in a local folder is registered, though a server takes no local folder."""
    runs = Runs(server, tmp_path)
    run_id = runs.start("cells", run_name="over HTTP", params={}, data_version="d")
    assert [runs.register("screws", run_id, source=str(tmp_path)) for _ in range(2)] == [1, 2]
    runs.mirror_live("screws", 2)
    live = runs._client.get_model_version_by_alias("screws", "live")
    assert (int(live.version), live.tags["midrib.location"]) == (2, str(tmp_path))
    with pytest.raises(StateError, match="version=9"):
        runs.mirror_live("screws", 9)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            requests.get(url, timeout=5).raise_for_status()
        except requests.RequestException:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"{url} did not answer: {log.read_text()}")
