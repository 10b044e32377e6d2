"""A seeded generator of sample orders: `python -m data.generator`.

Nothing here is real: people are drawn from lists of common names, mail domains are reserved ones (RFC 2606), card
numbers, bank accounts and national numbers are random digits with right checksums. The same seed, number of orders and
version of this package give the same bytes.
"""

from data.generator.personal import PersonalValue, personal_values

__all__ = ["PersonalValue", "personal_values"]
