"""Serve models: gateway (protocol, limits, routing) ▸ replica (decode, batch, infer).

listening   the port and the HTTP server          opening    targets to loaded models
exchange    one request, one answer               loading    package to a model to be asked
gateway     routes                                releases   which version is live
body        pictures out of requests              recording  to the prediction log
deployments models by name                        telemetry  numbers for Prometheus
replicas    the seam to what answers              batching   workers over a bounded queue
"""

from midrib.serving.config import Limits, ServeConfig
from midrib.serving.process import ServerProcess
from midrib.serving.server import serve

__all__ = ["Limits", "ServeConfig", "ServerProcess", "serve"]
