"""The README's pictures: a recording of a terminal, and the page."""
