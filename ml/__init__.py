"""From raw orders to a validated, versioned model. `python -m ml --help` lists the steps."""
