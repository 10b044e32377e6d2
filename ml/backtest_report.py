"""A backtest in words and tables, for the terminal and as a page."""

from ml.backtest import Backtest, Difference
from ml.precision import Count
from ml.pages import Section, page
from ml.validation.gates import Table

COLUMNS = ["", "", "met", "alerts", "won", "right", "false", "lost", "right", "false", "precision"]
ABOUT = (
    "Held against the alerts of the model alone: what is won was no alert before, what is lost is none any more. Right "
    "is what turned out to be fraud or a mistake, false what was genuine; the others have no outcome. Precision is the "
    "share of the right ones, with its interval of 95 %."
)


def sections(found: Backtest) -> list[Section]:
    """The parts of the page."""
    return [
        Section("What was tried", [ABOUT], _facts(found)),
        Section("Each rule and list, as if it alone acted", [], [], [_table("Rules and lists", found.rules)]),
        Section("The whole file", [], [], [_table("Together", found.together)]),
        *(
            [Section("Another threshold", [], [], [_table("The model alone", found.thresholds)])]
            if found.thresholds
            else []
        ),
        Section("What to look at", found.warnings or ["Nothing stands out."], _failures(found)),
        Section("What to do next", next_steps(found), []),
    ]


def html(found: Backtest, rules: str, version: str) -> str:
    """The page."""
    return page(f"Backtest of {rules}", f"Model {version}, threshold {found.threshold:.4f}", sections(found))


def lines(found: Backtest) -> list[str]:
    """The same for a terminal."""
    told = [f"{name}: {value}" for name, value in _facts(found)]
    for title, differences in (
        ("EACH AS IF IT ALONE ACTED", found.rules),
        ("THE WHOLE FILE", found.together),
        ("ANOTHER THRESHOLD", found.thresholds),
    ):
        if differences:
            told += ["", f"{title:44} {'MET':>7} {'ALERTS':>7} {'WON':>16} {'LOST':>16}  PRECISION"]
        for one in differences:
            name = f"{one.name} ({one.what})"
            won, lost = _known(one.won), _known(one.lost)
            told.append(
                f"{name[:44]:44} {one.met:>7,} {one.alerts.alerts:>7,} {won:>16} {lost:>16}  {one.alerts.precision}"
            )
    told += ["", *(f"look: {warning}" for warning in found.warnings)]
    told += [f"look: {name} could not be evaluated {value}" for name, value in _failures(found)]
    return [*told, *(f"next: {step}" for step in next_steps(found))]


def next_steps(found: Backtest) -> list[str]:
    """What the figures ask for."""
    steps = []
    if not found.labelled:
        steps.append(
            "no order here has an outcome, so nothing says which alerts were right: close alerts, or bring outcomes "
            "(POST /v1/outcomes), then make export-outcomes, and try again."
        )
    shadowed = [rule for rule in found.rules if rule.what.endswith("shadow")]
    gains = [rule.name for rule in shadowed if rule.won.right > rule.won.false and not rule.lost.right]
    clears = [rule.name for rule in shadowed if rule.lost.false > rule.lost.right == 0 and not rule.won.false]
    if gains or clears:
        steps.append(
            f'{", ".join(dict.fromkeys([*gains, *clears]))}: more right than false; `mode = "act"` lets it act.'
        )
    steps.append("change the file by a reviewed commit, then make up: RULES_FILE names the file that a service takes.")
    return steps


def _facts(found: Backtest) -> list[tuple[str, str]]:
    model = found.model
    return [
        ("Orders", f"{found.orders:,}, from {found.first:%Y-%m-%d} to {found.last:%Y-%m-%d}"),
        ("With an outcome", f"{found.labelled:,}"),
        (
            "Alerts of the model alone",
            f"{model.alerts:,}, of which {model.right:,} were right and {model.false:,} false",
        ),
        ("Its precision", model.precision),
    ]


def _failures(found: Backtest) -> list[tuple[str, str]]:
    return [(f"rule {rule}", f"for {count:,} orders") for rule, count in sorted(found.failures.items())]


def _table(title: str, differences: list[Difference]) -> Table:
    rows: list[list[str | float]] = [
        [
            one.name,
            one.what,
            float(one.met),
            *(float(count) for count in (one.alerts.alerts, *one.won, *one.lost)),
            one.alerts.precision,
        ]
        for one in differences
    ]
    return Table(title=title, columns=COLUMNS, rows=rows)


def _known(count: Count) -> str:
    """Alerts, and how many of them are known to be right and false."""
    known = f" ({count.right:,}+ {count.false:,}-)" if count.right or count.false else ""
    return f"{count.alerts:,}{known}"
