"""The local cloud's provider compared with what the real one answered, and with what its facts state."""
