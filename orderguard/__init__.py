"""What training and serving share: the order schema, masking, features and the reading of a model version.

Imports numpy, msgspec and the standard library (`scorer` adds onnxruntime), and nothing else of this repository;
`tests/unit/test_architecture.py` keeps it so.
"""

import os

# onnxruntime 1.32 reports its use to its vendor unless told not to before it is first imported. Nothing of orderguard
# may call out unasked.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
