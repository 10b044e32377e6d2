"""The stand-in for the `gcp` and `docker` plugins: what the engine sends, checked and turned into resources of the
local cloud.
"""
