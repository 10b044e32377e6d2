# mypy: ignore-errors
# What it imports lives in an environment of its own.
"""The model behind Ray Serve: `python service.py PORT`."""

import os
import signal
import sys
from typing import Any

import numpy as np
import onnxruntime
import ray
from ray import serve


@serve.deployment(num_replicas=1)
class Scorer:
    def __init__(self, model_file: str) -> None:
        self.session = onnxruntime.InferenceSession(model_file, providers=["CPUExecutionProvider"])

    async def __call__(self, request: Any) -> dict[str, Any]:
        rows = np.array((await request.json())["features"], np.float32)
        return {"score": self.session.run(["score"], {"features": rows})[0].ravel().tolist()}


if __name__ == "__main__":
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    serve.run(Scorer.bind(os.environ["MODEL_FILE"]))
    signal.pause()
