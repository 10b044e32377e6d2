"""What a card says in words, the same in Markdown and HTML."""

import math
from ml.reporting.outcomes import section as what_alerts_turned_out
from ml.reporting.repairs import section as what_became_of_the_lines
from ml.pages import Section
from ml.validation.run import Evidence
from ml.version_files import Training
from orderguard.model_version import Manifest


def content(manifest: Manifest, training: Training, evidence: Evidence) -> list[Section]:
    """The sections that follow the gates and plots."""
    lines = what_became_of_the_lines(evidence.reading, manifest.parameters)
    alerts = what_alerts_turned_out(training.labels, training.table.order_tokens)
    data = _data(manifest, evidence)
    return [_lineage(manifest), data, lines, alerts, _use(manifest), _limits(), _reproduce(manifest)]


def _lineage(manifest: Manifest) -> Section:
    changed = " (code differs from that commit)" if manifest.dirty else ""
    rows = [
        ("Version", manifest.version),
        ("Commit", f"{manifest.commit or 'unknown'}{changed}"),
        ("Tag", manifest.tag or "none"),
        ("Data", manifest.data_sha256),
        ("Code", manifest.code_sha256),
        ("Lock file", manifest.lock_sha256 or "none"),
        ("Orders", "the sample, of no real shop" if manifest.sample else "the shop's own"),
        ("Order schema", manifest.schema_sha256),
        ("Feature set", f"{manifest.feature_set_version} ({len(manifest.feature_names)} features)"),
        ("Libraries", ", ".join(f"{name} {version}" for name, version in manifest.libraries.items())),
    ]
    return Section("Where it comes from", [], rows)


def _data(manifest: Manifest, evidence: Evidence) -> Section:
    rows = [("From", manifest.first_order), ("To", manifest.last_order)]
    rows += [(f"Order file {file.position}", f"{file.orders:,} orders, {file.sha256[:16]}…") for file in manifest.data]
    rows += [(name, f"{count:,}") for name, count in evidence.validation.data.items()]
    split = manifest.parameters["split"]
    words = (
        f"Orders are split by time: the first {split['train'] + split['reference']:.0%} train the forest and the guard "
        f"and set the threshold, the last {split['reference']:.0%} of them (the reference slice) are what drift is "
        "measured against, and the gates use the later rest. Broken "
        "lines are quarantined "
        "and counted here by reason; none is dropped in silence."
    )
    return Section("Orders", [words], rows)


def _use(manifest: Manifest) -> Section:
    half = manifest.parameters["guard"]["half"]
    words = [
        "For pointing people at orders worth a look: wrong prices and quantities, discount abuse, account "
        "takeover, bursts, odd "
        "combinations. A score says how unusual an order is, not that anybody did wrong. Don't refuse orders or "
        "treat customers "
        "differently on the score alone.",
        f"An order is flagged from a score of {manifest.threshold:.4f}, which about "
        f"{manifest.parameters['alert']['rate']:.2%} of the orders reach. The score counts the evidence of all "
        f"features, and of the forest as one more: a single value as rare as one in {round(math.exp(half), -1):.0f} "
        "has 0.5. The forest's own score, and what the score would be without it (the guard's), are returned beside "
        "it. Contributions of the features add up to the score.",
    ]
    return Section("What it is for, and how to read a score", words, [])


def _limits() -> Section:
    words = [
        "It learns what is usual, bad habits included: an anomaly that comes every day becomes normal. It knows a "
        "customer by the orders "
        "that it has seen, so first orders are judged by the order alone. Figures come from anomalies that were "
        "injected on purpose; "
        "they show that these kinds are found, not how common they are. Features hold no name, contact data or "
        "free text, and a gate "
        "proves that they depend on none; countries, hours and categories do enter, and can stand for groups of "
        "people.",
    ]
    return Section("Limits", words, [])


def _reproduce(manifest: Manifest) -> Section:
    words = (
        "The same commit, data and lock file give the same files, byte for byte; manifest.json has the SHA-256 of "
        "each. Check out the "
        "commit, put the data files above under data/raw, and run `make train`."
    )
    return Section("To make it again", [words], [])
