"""Public order feeds: their conversion, anomalies in place of real orders, and the table of who finds them."""
