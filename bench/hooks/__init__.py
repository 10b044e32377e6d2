"""Webhooks as vendors send them, and as nobody should."""
