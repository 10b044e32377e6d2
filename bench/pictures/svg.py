"""A recording as an SVG that plays: lines appear as they were printed, and the newest stay in sight."""

from collections.abc import Sequence
from html import escape

from bench.pictures.recording import Line

COLUMNS, ROWS = 110, 30
LINE, ADVANCE, MARGIN, BAR = 18.0, 8.4, 18.0, 30.0
LONGEST_PAUSE = 0.7
"""In seconds: what takes longer is shown shorter."""
END = 6.0
"""How long the end stays, in seconds."""
COLOURS = {"$": "#7ee787", "#": "#8b949e", "": "#e6edf3"}
"""By a line's first character: what is typed, what is told about it, what is printed."""


def drawn(recording: Sequence[Line], title: str) -> str:
    """The SVG's text. Lines are cut at the terminal's width."""
    moments = shortened([line.at for line in recording])
    whole = (moments[-1] if moments else 0.0) + END
    height = BAR + ROWS * LINE + MARGIN
    width = COLUMNS * ADVANCE + 2 * MARGIN
    scrolls = _scrolls(moments, whole)
    texts = "\n".join(
        f'<text class="l" y="{BAR + (number + 1) * LINE:.0f}" fill="{COLOURS.get(line.text[:1], COLOURS[""])}" '
        f'style="animation-delay:{moment:.2f}s">{escape(line.text[:COLUMNS])}</text>'
        for number, (line, moment) in enumerate(zip(recording, moments, strict=True))
    )
    size = f"0 0 {width:.0f} {height:.0f}"
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}" role="img" aria-label="{escape(title)}">
<title>{escape(title)}</title>
<style>
text {{ font: 14px ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre }}
.l {{ opacity: 0; animation: shown .01s forwards }}
#lines {{ animation: scroll {whole:.2f}s step-end forwards }}
@keyframes shown {{ to {{ opacity: 1 }} }}
@keyframes scroll {{ {scrolls} }}
@media (prefers-reduced-motion: reduce) {{ .l {{ opacity: 1; animation: none }} #lines {{ animation-duration: .01s }} }}
</style>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g fill="#30363d"><circle cx="20" cy="16" r="6"/><circle cx="40" cy="16" r="6"/><circle cx="60" cy="16" r="6"/></g>
<clipPath id="screen"><rect y="{BAR:.0f}" width="{width:.0f}" height="{ROWS * LINE + MARGIN / 2:.0f}"/></clipPath>
<g clip-path="url(#screen)"><g transform="translate({MARGIN:.0f} 0)"><g id="lines" xml:space="preserve">
{texts}
</g></g></g>
</svg>
"""


def shortened(moments: Sequence[float]) -> list[float]:
    """The same moments without long pauses, from the first on."""
    played, before = list[float](), None
    for moment in moments:
        pause = 0.0 if before is None else min(moment - before, LONGEST_PAUSE)
        played.append((played[-1] if played else 0.0) + max(pause, 0.0))
        before = moment
    return played


def _scrolls(moments: Sequence[float], whole: float) -> str:
    """A key frame each time that the screen is full and a line comes."""
    frames = {"0.00%": 0}
    for number, moment in enumerate(moments):
        if number >= ROWS:
            frames[f"{100 * moment / whole:.2f}%"] = number + 1 - ROWS
    frames["100%"] = max(0, len(moments) - ROWS)
    return " ".join(f"{share} {{ transform: translateY({-LINE * rows:.0f}px) }}" for share, rows in frames.items())
