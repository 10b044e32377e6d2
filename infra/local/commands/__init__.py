"""The commands of `python -m infra.local`, one module each."""
