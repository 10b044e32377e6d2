"""Google Cloud on one machine: the Pulumi engine, a provider that stands in for the `gcp` and `docker` plugins, and a
supervisor.
"""
