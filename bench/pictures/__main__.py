"""Make the README's pictures: `python -m bench.pictures`, with Chromium. Brings the platform up and down.

`docs/terminal.svg` plays `make up` and `make score` as they ran; `docs/page.png` is the page with the sample's alerts.
"""

import orderguard.interrupts  # noqa: F401  first: the others take a while
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.chromium import chromium
from bench.pictures.recording import Line, record
from bench.pictures.svg import COLUMNS, drawn

ROOT = Path(__file__).resolve().parents[2]
TERMINAL, PAGE = ROOT / "docs" / "terminal.svg", ROOT / "docs" / "page.png"
SHOWN = (["make", "up"], ["make", "score", "RECORD=true"])
TYPING = 0.4
PATIENCE = 60_000.0
WIDTH, HEIGHT = 1280, 720


def main() -> None:
    """Record, draw, photograph."""
    lines = list[Line]()
    try:
        for command in SHOWN:
            begin = lines[-1].at + TYPING if lines else 0.0
            lines.append(Line(begin, f"$ {' '.join(command)}"))
            lines += [Line(begin + TYPING + at, text) for at, text in _short(record(command, COLUMNS, ROOT))]
            lines.append(Line(lines[-1].at, ""))
        TERMINAL.write_text(drawn(lines, "make up and make score in a terminal"), "utf-8")
        print(f"Wrote {TERMINAL.relative_to(ROOT)}.")
        _photograph()
        print(f"Wrote {PAGE.relative_to(ROOT)}.")
    finally:
        subprocess.run(["make", "down"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def _short(lines: list[Line]) -> Iterator[Line]:
    """Without the many lines of single resources, and with no path of this machine."""
    resources = [line for line in lines if re.match(r" [+~-] +(real|enforced|declared|generic) ", line.text)]
    for line in lines:
        if line not in resources[4:]:
            yield Line(line.at, line.text.replace(f"{ROOT}/", ""))
        elif line == resources[-1]:
            yield Line(line.at, f"    … {len(resources) - 4} more")


def _photograph() -> None:
    opened = subprocess.run(["make", "open"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    address = re.search(r"http://\S+", opened)
    if not address:
        sys.exit(f"`make open` printed no link: {opened}")
    with chromium(PATIENCE) as browser:
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(address[0])
        page.get_by_label("Your name").fill("Ana")
        page.get_by_role("button", name="Start").click()
        page.keyboard.press("o")
        page.get_by_role("heading", name="Reasons").wait_for()
        page.screenshot(path=os.fspath(PAGE))


if __name__ == "__main__":
    main()
