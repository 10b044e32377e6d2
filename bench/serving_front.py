"""`python -m bench.serving_front PORT OTHER …`: the local cloud's front at PORT, which hands requests to servers at the
other ports in turn.
"""

import asyncio
import itertools
import sys

from infra.local.supervisor.front import Front, listen
from infra.local.supervisor.message import Head
from infra.local.supervisor.upstream import Pool


async def main(port: int, *others: int) -> None:
    """Serve until the process is ended."""
    pools = itertools.cycle([Pool(other) for other in others])

    async def route(_: Head, before: Pool | None) -> Pool:
        pool = next(pools)
        pool.enter()
        return pool

    server = await listen(Front(route, lambda: 60.0), port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
