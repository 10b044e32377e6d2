"""The pack's name and version."""

PACK_NAME = "orderguard-gcp"
PACK_VERSION = "1.0.0"
"""As in PulumiPolicy.yaml."""
