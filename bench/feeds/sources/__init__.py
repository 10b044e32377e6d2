"""One module a public source: `FOLDER` under the raw data, `lines(folder)`, and its origin in the docstring."""
