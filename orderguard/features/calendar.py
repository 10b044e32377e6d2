"""The day and the week as circles. An hour that is not known is in the middle of the day's, as far from each."""

import math

SINE_OF_MINUTE = (*(math.sin(2 * math.pi * minute / 1440) for minute in range(1440)), 0.0)
COSINE_OF_MINUTE = (*(math.cos(2 * math.pi * minute / 1440) for minute in range(1440)), 0.0)
"""Of each minute, and last of `orderguard.history.NO_MINUTE`."""
SINE_OF_WEEKDAY = tuple(math.sin(2 * math.pi * day / 7) for day in range(7))
COSINE_OF_WEEKDAY = tuple(math.cos(2 * math.pi * day / 7) for day in range(7))
