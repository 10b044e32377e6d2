"""The day and the week as circles."""

import math

SINE_OF_MINUTE = tuple(math.sin(2 * math.pi * minute / 1440) for minute in range(1440))
COSINE_OF_MINUTE = tuple(math.cos(2 * math.pi * minute / 1440) for minute in range(1440))
SINE_OF_WEEKDAY = tuple(math.sin(2 * math.pi * day / 7) for day in range(7))
COSINE_OF_WEEKDAY = tuple(math.cos(2 * math.pi * day / 7) for day in range(7))
