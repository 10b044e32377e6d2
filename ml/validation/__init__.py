"""The gates that a model has to pass before it is promoted; one module a gate, `run` puts them together."""
