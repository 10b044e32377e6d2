"""The feature sets that there have been, each with the fingerprint of its vectors."""

FINGERPRINTS = {
    "1": "dd712d9ceb5e4fb82a7445891af755439f68f04adfd0d8c7ff3b7d6f1de0fb27",
    "2": "8c77cd1d194ebda8d663eeabcf51d7e823fdcd739429aa7139bd77b0ddc66b13",
    "3": "3705a062c579c38ca1e3a08c8830eae4ad101396493c5a234e297e609f958fba",
    "4": "53e2d3a7a0cf0490145e20f71f727d4b943daa6f0dbc19674c78b5a23b3f51e1",
}
"""By version, the newest last: the SHA-256 of the vectors that the set gives for the orders of
`tests/unit/orderguard/test_features.py`. Whoever changes a vector adds a line, and the test's failure prints it. A line
is never changed: models say by it what they were trained on.
"""

FEATURE_SET_VERSION = list(FINGERPRINTS)[-1]
