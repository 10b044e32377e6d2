"""What the detectors find: false alarms on harmless values of public files, and planted values that are found; and the
pack on public programs. `python -m bench policies DIR`, or `python -m bench.policies_corpora DIR` for this alone. DIR
holds `values/` and `programs/`, each as it was fetched; none of it is ours. In
`read.txt` stand the names of variables, a line each, in which a person has read a real secret or a real person.
"""

import sys
from pathlib import Path

from bench import policies_programs
from bench.policies_planted import planted
from bench.policies_values import Pair, pairs
from policies.credentials import credential_in, is_secret, is_secret_name, names_a_number
from policies.personal import personal_data_in

PLANTED, SEED = 500, 7


def seen(name: str, value: str) -> str | None:
    """What kind of thing the rules would refuse in a variable, or None."""
    by_name = "a secret, by its name" if is_secret(name, value) else None
    return credential_in(value, by_format_alone=names_a_number(name)) or by_name or personal_data_in(value)


def measure(folder: Path) -> dict[str, dict[str, float]]:
    """Print the figures, and what was refused under a name that asks for no secret: that is to be read."""
    figures: dict[str, dict[str, float]] = {}
    listed = folder / "read.txt"
    read = set(listed.read_text().split()) if listed.exists() else set()
    harmless = [pair for pair in pairs(folder / "values") if not _holds_a_secret(pair) and pair[0] not in read]
    if harmless:
        refused = [(seen(name, value), name) for name, value in harmless if seen(name, value)]
        print(f"    {len(harmless)} values of public files: {len(refused)} refused (limit: 2 in 2,000)")
        for kind, name in refused:
            print(f"      {name}: looks like {kind}")
        figures["values"] = {"harmless": len(harmless), "refused": len(refused)}
    hidden = planted(PLANTED, SEED)
    missed = [kind for kind, name, value in hidden if not seen(name, value)]
    print(f"    {PLANTED} planted values: {1 - len(missed) / PLANTED:.1%} found (limit: 97 %); missed: {missed}")
    figures["planted"] = {"planted": PLANTED, "missed": len(missed)}
    if (folder / "programs").is_dir():
        figures["programs"] = policies_programs.measure(folder / "programs")
    return figures


def _holds_a_secret(pair: Pair) -> bool:
    """Whether a public file itself writes a password or a key there: then it is no harmless value."""
    name, value = pair
    return is_secret_name(name) and is_secret(name, value)


if __name__ == "__main__":
    measure(Path(sys.argv[1]))
