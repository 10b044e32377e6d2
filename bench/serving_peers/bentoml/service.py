# mypy: ignore-errors
# What it imports lives in an environment of its own.
"""The model behind BentoML: `bentoml serve service:Scorer --port PORT`."""

import os

import bentoml
import numpy as np
import onnxruntime


@bentoml.service(workers=1)
class Scorer:
    def __init__(self) -> None:
        self.session = onnxruntime.InferenceSession(os.environ["MODEL_FILE"], providers=["CPUExecutionProvider"])

    @bentoml.api
    async def score(self, features: list[list[float]]) -> list[float]:
        rows = np.array(features, np.float32)
        scores: list[float] = self.session.run(["score"], {"features": rows})[0].ravel().tolist()
        return scores
