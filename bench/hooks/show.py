"""`python -m bench.hooks.show URL`: webhooks with good, bad, replayed and rotated signatures, and what comes back. The
service has to have the secrets of `bench.hooks.vendor`.
"""

import sys
import time
from itertools import count

import httpx

from bench.hooks.vendor import MAKERS, OLDER_SECRETS, VENDORS, Delivery


def main(url: str) -> None:
    """Deliver, and print a line for each."""
    numbers = count(int(time.time()))
    with httpx.Client(base_url=url, trust_env=False) as client:

        def show(what: str, delivery: Delivery, headers: dict[str, str]) -> None:
            begun = time.perf_counter()
            answer = client.post(delivery.path, content=delivery.body, headers=headers)
            said = answer.json()
            told = said.get("outcome") or said["title"]
            print(f"{delivery.vendor:12} {what:34} {answer.status_code} {told} ({time.perf_counter() - begun:.3f} s)")

        for vendor in VENDORS:
            one, other = MAKERS[vendor](next(numbers)), MAKERS[vendor](next(numbers))
            show("good signature", one, one.signed())
            show("the same once more", one, one.signed())
            renamed = {
                name: f"{value}-2" if name.endswith(("-Id", "-ID")) else value for name, value in one.signed().items()
            }
            show("replayed under another id", one, renamed)
            show("signed with the older secret", other, other.signed(OLDER_SECRETS[vendor]))
            show("signed with a stranger's", other, other.signed("a-secret-that-is-nobody-s"))
            show("no signature", other, other.headers)
            show(
                "a body changed on the way", Delivery(vendor, one.body.replace(b"37", b"01"), one.headers), one.signed()
            )
            if vendor == "stripe":
                old = MAKERS[vendor](next(numbers))
                show("ten minutes old", old, old.signed(at=time.time() - 600))
                show(
                    "signed for two secrets",
                    old,
                    old.signed("a-secret-that-is-nobody-s", also=(OLDER_SECRETS[vendor],)),
                )
        ping = Delivery("woocommerce", b"webhook_id=12", {"Content-Type": "application/x-www-form-urlencoded"})
        show("ping", ping, ping.headers)
        odd = MAKERS["shopify"](next(numbers), price="99999.00")
        show("an anomaly", odd, odd.signed())
        for path in ("/", "/docs", "/metrics", "/v1/score", "/v1/model"):
            print(f"{'':12} GET {path:30} {client.get(path).status_code}")


if __name__ == "__main__":
    main(sys.argv[1])
