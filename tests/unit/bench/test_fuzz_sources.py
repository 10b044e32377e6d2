"""A small sample of `python -m bench fuzz`: other people's payloads raise nothing, whatever they hold."""

from bench.fuzz_sources import fuzzed


def test_changed_payloads_end_as_orders_or_as_told() -> None:
    ended = fuzzed(600, seed=11)
    assert (
        ended["read"] > 100
        and ended["repaired"] > 20
        and ended["quarantined"] > 20
        and ended["set apart"]
        and ended["table read"]
    )
