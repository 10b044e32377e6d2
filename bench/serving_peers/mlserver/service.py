# mypy: ignore-errors
# What it imports lives in an environment of its own.
"""The model behind MLServer: `python service.py PORT`."""

import asyncio
import os
import sys

import numpy as np
import onnxruntime
from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Scorer(MLModel):
    async def load(self) -> bool:
        self.session = onnxruntime.InferenceSession(os.environ["MODEL_FILE"], providers=["CPUExecutionProvider"])
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        rows = NumpyCodec.decode_input(payload.inputs[0]).astype(np.float32)
        scores = self.session.run(["score"], {"features": rows})[0]
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("score", scores)])


async def main(port: int) -> None:
    settings = Settings(
        host="127.0.0.1", http_port=port, grpc_port=port + 200, metrics_endpoint=None, parallel_workers=0
    )
    server = MLServer(settings)
    await server.start([ModelSettings(name="orders", implementation=Scorer)])


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
