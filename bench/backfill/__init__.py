"""The backfill against what memory holds at once: the same orders, the same features, any number of them."""
