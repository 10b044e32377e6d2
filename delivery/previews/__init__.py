"""What an `up` would change, and how it is shown: read from the engine's events, the same for terminal, comment, run
page and machines.
"""
