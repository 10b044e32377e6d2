"""Cloud Run on this machine: one daemon a stack keeps the services' processes alive behind their stable URLs.

`client` is what the provider and the command line use; everything else runs in the daemon, which outlives the engine.
"""
