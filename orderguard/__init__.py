"""What training and serving share: the order schema, masking, features and the reading of a model version.

Imports numpy, msgspec and the standard library, and nothing else of this repository; `tests/unit/test_architecture.py` keeps it so.
"""
