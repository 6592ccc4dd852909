from __future__ import annotations

import pytest

from midrib.engines import EngineOptions, load_predictor
from midrib.packages import Package
from midrib.serving.replicas import InProcessReplica, Replica
from midrib.testing.replicas import MakeReplica, ReplicaContract


class InProcess(ReplicaContract):
    batch: int

    @pytest.fixture
    def package(self, package: Package) -> Package:
        return package

    @pytest.fixture
    def make_replica(self) -> MakeReplica:
        def make(package: Package, queue_length: int) -> Replica:
            alone, crowd = (
                load_predictor(
                    package, engine="onnxruntime", options=EngineOptions(threads=threads)
                )
                for threads in (2, 1)
            )
            return InProcessReplica(
                alone, crowd, workers=2, batch=self.batch, queue_length=queue_length
            )

        return make


class TestOneByOne(InProcess):
    batch = 1


class TestInBatches(InProcess):
    batch = 8
