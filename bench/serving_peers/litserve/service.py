# mypy: ignore-errors
# What it imports lives in an environment of its own.
"""The model behind LitServe: `python service.py PORT`."""

import os
import sys
from typing import Any

import litserve
import numpy as np
import onnxruntime


class Scorer(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.session = onnxruntime.InferenceSession(os.environ["MODEL_FILE"], providers=["CPUExecutionProvider"])

    def predict(self, request: dict[str, Any]) -> dict[str, Any]:
        rows = np.array(request["features"], np.float32)
        return {"score": self.session.run(["score"], {"features": rows})[0].ravel().tolist()}


if __name__ == "__main__":
    server = litserve.LitServer(Scorer(), accelerator="cpu", workers_per_device=1)
    server.run(
        port=int(sys.argv[1]), host="127.0.0.1", num_api_servers=1, log_level="error", generate_client_file=False
    )
