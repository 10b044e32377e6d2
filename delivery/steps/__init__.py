"""What `python -m delivery STEP` runs, a room a subject. A step's inputs are environment variables."""
