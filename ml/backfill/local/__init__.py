"""The backfill on one machine, in memory that does not grow with the orders: what doesn't fit waits on the disk.

Orders are read and masked block by block and spilled as records. Repeated ids are found in partitions of ids, time
order is made bucket by bucket, what is known of customers and entities before each order is computed in partitions of
their tokens, and all of it meets again in time order, where features are written. The formulas are those of training.
"""
