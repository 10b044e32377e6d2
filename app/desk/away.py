"""What can go wrong with the desk's database."""


class DeskAway(Exception):
    """The database does not answer, or does not take what it is given. The message is a word or two, and never holds an
    address or a value.
    """


class DeskRefused(Exception):
    """The database does not take a value, now or later. The message never holds it."""
