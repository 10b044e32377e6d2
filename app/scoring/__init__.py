"""From an order's bytes to its answer: decode, mask, history, features, model."""
