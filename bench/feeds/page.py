"""The figures as a page: ROC-AUC of each kind and contender as a tile, the darker the better."""

from html import escape

from bench.feeds.verdicts import OURS, SINGLE, FeedTable, missed, missed_by

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: #1c2733; }
table { border-collapse: collapse; margin: .5rem 0 1rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; text-align: right; } th:first-child, td:first-child { text-align: left; }
td.missed { outline: 2px solid #b3261e; outline-offset: -2px; } p.note { color: #53616f; margin: .2rem 0; }
"""


def page(tables: dict[str, FeedTable], failed: dict[str, str]) -> str:
    """One HTML file without scripts and without anything from elsewhere."""
    parts = [_feed(name, table) for name, table in tables.items()]
    parts += [f"<h2>{escape(name)}</h2><p>failed: {escape(error)}</p>" for name, error in failed.items()]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>On other people\'s orders</title>'
        f"<style>{STYLE}</style><h1>On other people's orders</h1>"
        "<p>ROC-AUC of anomalies in place of real later orders. A red frame: a goal is missed.</p>"
        f"{''.join(parts)}</html>\n"
    )


def _feed(name: str, table: FeedTable) -> str:
    names = list(next(iter(table.kinds.values())).contenders)
    head = "".join(f"<th>{escape(column)}</th>" for column in ["", *names, SINGLE, "our recall at 1 %"])
    rows = []
    for kind, found in table.kinds.items():
        bad = missed_by(found)
        cells = [_tile(found.contenders[column].roc_auc, bad if column == OURS else []) for column in names]
        single = f'<td title="{escape(found.single_name)}">{found.single.roc_auc:.3f}</td>'
        recall = f"<td>{found.contenders[OURS].recall:.2f}</td>"
        rows.append(f"<tr><td>{escape(kind)}</td>{''.join(cells)}{single}{recall}</tr>")
    means = table.mean_average_precision()
    rows.append(
        "<tr><td>mean average precision</td>" + "".join(f"<td>{means[column]:.3f}</td>" for column in names) + "</tr>"
    )
    verdict = "promoted hands-off" if table.promoted else "refused: " + "; ".join(table.refused)
    notes = [
        f"{table.orders:,} orders, {table.later:,} of them later; {verdict}; "
        f"{table.alerts:.2f} times the alert rate on untouched later orders.",
        *(f"Left out: {kind} ({reason})." for kind, reason in table.left_out.items()),
        *(f"Missed: {words}." for words in missed(table)),
    ]
    text = "".join(f'<p class="note">{escape(note)}</p>' for note in notes)
    return f"<h2>{escape(name)}</h2>{text}<table><tr>{head}</tr>{''.join(rows)}</table>"


def _tile(value: float, bad: list[str]) -> str:
    depth = max(0.0, min(1.0, (value - 0.5) * 2)) ** 2
    words = f' class="missed" title="{escape("; ".join(bad))}"' if bad else ""
    return f'<td{words} style="background: rgb(38 132 118 / {0.75 * depth:.2f})">{value:.3f}</td>'
