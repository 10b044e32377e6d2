"""The local cloud's provider held against what the real one answered, and against what its facts state."""
