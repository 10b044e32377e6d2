"""What goes wrong with somebody's file."""


class InputError(ValueError):
    """A file that can't be imported: what is wrong, and the way out. It never holds the file's name or a value."""
