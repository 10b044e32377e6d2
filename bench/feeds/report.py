"""The figures as a person reads them in the terminal, and as the report holds them."""

from typing import Any

import msgspec

from bench.feeds.verdicts import OURS, SINGLE, FeedTable, missed, missed_by

WIDTH = 38


def show(feed: FeedTable) -> None:
    """Print a feed's table: ROC-AUC by kind and contender, our recall, and what is missed."""
    names = list(next(iter(feed.kinds.values())).contenders)
    heads = [*names, "single"]
    print(f"  {'ROC-AUC':{WIDTH}}" + "".join(f"{name:>12}" for name in heads) + "   recall at 1 %")
    for kind, table in feed.kinds.items():
        values = [*(table.contenders[name].roc_auc for name in names), table.single.roc_auc]
        words = "; ".join(missed_by(table))
        recall = table.contenders[OURS].recall
        print(f"  {kind:{WIDTH}}" + "".join(f"{value:12.3f}" for value in values) + f"{recall:16.2f}  {words}")
    means = feed.mean_average_precision()
    print(f"  {'mean average precision':{WIDTH}}" + "".join(f"{means[name]:12.3f}" for name in names))
    recalls = [sum(kind.contenders[name].recall for kind in feed.kinds.values()) / len(feed.kinds) for name in names]
    print(f"  {'mean recall at 1 % of normal orders':{WIDTH}}" + "".join(f"{value:12.3f}" for value in recalls))
    for kind, reason in feed.left_out.items():
        print(f"  left out: {kind} ({reason})")
    old = feed.aged.kinds.values()
    precision, recall = (
        sum(getattr(kind, name) for kind in old) / len(old) for name in ("average_precision", "recall")
    )
    print(
        f"  with the version's own catalogue to the end: mean average precision {precision:.3f}, recall {recall:.3f}, "
        f"{feed.aged.alerts:.2f} times the alert rate"
    )
    verdict = "promoted hands-off" if feed.promoted else "refused: " + "; ".join(feed.refused)
    print(f"  {feed.alerts:.2f} times the alert rate on {feed.later:,} untouched later orders; {verdict}", flush=True)


def show_goals(tables: dict[str, FeedTable], failed: dict[str, str]) -> None:
    """Print, feed by feed, what is missed."""
    print("\ngoals")
    for name, table in tables.items():
        words = missed(table)
        print(f"  {name:20} {'all met' if not words else f'{len(words)} missed'}")
        for line in words:
            print(f"    {line}")
    for name, error in failed.items():
        print(f"  {name:20} failed: {error}")


def summary(tables: dict[str, FeedTable], failed: dict[str, str]) -> dict[str, Any]:
    """The report: all figures, and by feed what is missed."""
    feeds = {
        name: msgspec.to_builtins(table)
        | {"mean_average_precision": table.mean_average_precision(), "missed": missed(table)}
        for name, table in tables.items()
    }
    return {"feeds": feeds, "failed": failed, "single": SINGLE}
