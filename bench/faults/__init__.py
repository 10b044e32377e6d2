"""Commands of the local cloud that are killed, run at once, or meet a full disk, a taken port, damaged files."""
