"""Pages in HTML and their parts, which need nothing heavy: model reports and backtests are made of them."""

from html import escape
from typing import NamedTuple

from ml.validation.gates import Table

_STYLE = """
:root {
  color-scheme: light dark; --page: #f6f7f9; --panel: #fff; --soft: #5b6372; --ink: #1f2430; --grid: #d5d9e2;
  --good: #1b7f4b; --bad: #c0332b; --open: #8a5a00;
}
@media (prefers-color-scheme: dark) {
  :root { --page: #14171e; --panel: #1c212b; --good: #6fce9a; --bad: #ff8a80; --open: #f0c063; --soft: #a3abbb;
    --ink: #e6e8ee; --grid: #3a4152; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.55 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.55rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .75rem; }
h3 { font-size: 1rem; margin: 0 0 .25rem; }
p { margin: .35rem 0 .75rem; max-width: 46rem; }
.soft { color: var(--soft); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem; margin: 1.25rem 0; }
.fact, .panel { background: var(--panel); border: 1px solid var(--grid); border-radius: .6rem; padding: .9rem 1.1rem; }
.fact b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.panel { margin: .9rem 0; overflow-x: auto; }
.passed { color: var(--good); } .failed { color: var(--bad); } .undecided { color: var(--open); }
.verdict { font-weight: 600; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; margin: .5rem 0; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--grid); vertical-align: top; }
th { color: var(--soft); font-weight: 500; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.pairs td { overflow-wrap: anywhere; } .pairs td:first-child { color: var(--soft); width: 17rem; }
svg { width: 100%; height: auto; max-width: 46rem; display: block; }
details summary { cursor: pointer; color: var(--soft); margin-top: .4rem; }
code { font-size: .92em; }
@media (max-width: 40rem) {
  main { padding: 1rem .75rem 2rem; }
  .pairs, .pairs tbody, .pairs tr, .pairs td { display: block; }
  .pairs td:first-child { width: auto; border: 0; padding-bottom: 0; }
}
"""


class Section(NamedTuple):
    """A heading with paragraphs, rows of a table of two columns, and tables of more."""

    title: str
    paragraphs: list[str]
    rows: list[tuple[str, str]]
    tables: list[Table] = []


def page(title: str, lead: str, sections: list[Section]) -> str:
    """A page of sections alone, in the same style."""
    head = [f"<h1>{escape(title)}</h1>", f'<p class="soft">{escape(lead)}</p>']
    return whole(title, [*head, *(section_of(section) for section in sections)])


def whole(title: str, body: list[str]) -> str:
    """The document around a page's parts."""
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{_STYLE}</style>\n</head>\n'
        f"<body>\n<main>\n" + "\n".join(body) + "\n</main>\n</body>\n</html>\n"
    )


def section_of(section: Section) -> str:
    """A part with its heading."""
    paragraphs = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in section.paragraphs)
    pairs = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in section.rows)
    table = f'<table class="pairs">{pairs}</table>' if pairs else ""
    tables = "".join(f"<h3>{escape(one.title)}</h3>{table_of(one.columns, one.rows)}" for one in section.tables)
    return f'<h2>{escape(section.title)}</h2><section class="panel">{paragraphs}{table}{tables}</section>'


def table_of(columns: list[str], rows: list[list[str | float]]) -> str:
    """A table; numbers stand to the right."""
    numeric = [all(not isinstance(row[place], str) for row in rows) for place in range(len(columns))]

    def cell(tag: str, text: str, place: int) -> str:
        return f'<{tag}{" class=number" if numeric[place] else ""}>{escape(text)}</{tag}>'

    head = "".join(cell("th", column, place) for place, column in enumerate(columns))
    lines = ("".join(cell("td", number(value), place) for place, value in enumerate(row)) for row in rows)
    return f"<table><tr>{head}</tr>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def number(value: str | float) -> str:
    """A figure as people read it."""
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"
