"""From a tag to production: images, deployment, smoke test, canary, release notes and the trace from a score back to
its data."""
