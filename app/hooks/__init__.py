"""Webhooks that shops send: signed by the vendor, taken once, scored like any other order, told back where that is
wished for.
"""
