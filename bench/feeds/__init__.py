"""Public order feeds: their conversion, anomalies in the place of real orders, and the table of who finds them."""
