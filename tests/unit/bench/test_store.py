"""Several processes that count at the same time lose nothing, and each order finds what it would find alone."""

from bench.store.exact import proved
from bench.redis_server import RedisServer


def test_four_processes_end_where_one_would(redis_server: RedisServer) -> None:
    proof = proved(redis_server, orders=800, processes=4, seed=3)
    assert (proof.orders, proof.counted) == (800, 800)
    assert proof.sent_again > 40 and proof.groups > 40
    assert (proof.different, proof.different_records) == (0, 0)
