"""Deployments on the local cloud that are killed at each of their steps, with callers all along."""
