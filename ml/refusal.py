"""What a training says that a gate refused: what the orders look like, and the ways on."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

from ml.config import DEFAULT
from ml.validation.gates import Gate

_WIDTH = 120


def refusal(models: Path, version: str, gates: Sequence[Gate], config: Path = DEFAULT) -> list[str]:
    """The lines: each failed figure with its advice, then what can be done. `config` is the file that was used."""
    failed = [gate for gate in gates if gate.failed]
    lines = [f"not promoted: {len(failed)} of {len(gates)} gates failed"]
    for gate in failed:
        for figure in gate.figures:
            if figure.verdict == "failed":
                lines += ["", f"  {gate.name}: {figure}", *_wrapped(figure.advice)]
    ours = config.resolve() == DEFAULT.resolve()
    own, file = (f"copy {_shown(config)}, change", "my.toml") if ours else (f"in {config} change", str(config))
    return [
        *lines,
        "",
        "what to do:",
        f"  look closer      open {models / version / 'report.html'} (or: python -m ml card {version})",
        "  fix the orders  as said above; lines that were left out are in data/quarantine/",
        f"  other limits     {own} the settings named above, then: make train CONFIG={file}",
        f"  serve it anyway  make promote VERSION={version} FORCE=1 (the history says so), then: make up",
    ]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)


def _shown(path: Path) -> Path:
    return Path(path.parent.name, path.name)
