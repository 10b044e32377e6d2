"""The local cloud's provider compared with what the real one answered, and against what its facts state."""
