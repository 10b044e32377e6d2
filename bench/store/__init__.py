"""Histories in a shared store: exact under concurrency, fast, and honest when the store fails."""
