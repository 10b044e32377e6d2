"""A preview for a terminal."""

from collections.abc import Iterator, Sequence

from delivery.previews import tree
from delivery.previews.preview import Preview, told_of
from delivery.previews.steps import UNCHANGED, Change, Step, shown
from policies.output.folding import shown_type
from policies.output.text import text as policies

SIGNS = {"delete": "-", "replace": "±", "update": "~", "import": "=", "create": "+", "forget": "·", "": " "}


def text(preview: Preview) -> str:
    """The count, what is destroyed, the tree, what the policies say."""
    lines = [f"{preview.stack} on {the(preview.cloud)}, held against {preview.against}: {preview.counts}"]
    lines += [f"note: {note}" for note in preview.notes]
    if refused := list(preview.refusals()):
        lines += ["", "Refused", *(f"  {line}" for problem in refused for line in problem.splitlines())]
    destroyed = preview.steps.destroyed()
    for title, found in (
        ("Data that is destroyed", [step for step in destroyed if step.data]),
        ("Destroyed or replaced, no data", [step for step in destroyed if not step.data]),
    ):
        lines += ["", title, *(f"  {_destroyed(step)}" for step in found)] if found else []
    lines += ["", *_tree(preview)]
    if preview.steps.outputs:
        lines += ["", "Outputs", *(f"  {line}" for line in outputs(preview.steps.outputs))]
    if preview.said is not None:
        lines += ["", policies(preview.said).rstrip()]
    return "\n".join(lines) + "\n"


def the(cloud: str) -> str:
    return cloud if cloud[0].isupper() else f"the {cloud}"


def _destroyed(step: Step) -> str:
    told = told_of(step)
    return f"{SIGNS[step.operation]} {shown_type(step.type)} {step.name}{f': {told}' if told else ''}"


def _tree(preview: Preview) -> Iterator[str]:
    grown = tree.grown(preview.steps)
    if grown.changes:
        yield "What changes, by component"
    for line in tree.lines(grown):
        indent = "  " * (line.depth + 1)
        yield f"{indent}{SIGNS[line.operation]} {line.text}"
        for change in line.step.changes if line.step else ():
            yield f"{indent}    {changed(change)}"
    if unchanged := preview.steps.counted(UNCHANGED):
        yield f"  {unchanged} unchanged"


def outputs(changes: Sequence[Change]) -> list[str]:
    """The stack's outputs that change; those of a new stack in one line."""
    new = [change.path for change in changes if change.before == shown(None)]
    if len(new) <= tree.MANY:
        return [changed(change) for change in changes]
    return [f"{len(new)} new: {', '.join(new)}", *(changed(one) for one in changes if one.path not in new)]


def changed(change: Change) -> str:
    """A property's change in one line."""
    named = change.replaces and change.before == change.after and change.before.startswith('"')
    values = f"{change.before}, which is made anew" if named else f"{change.before} → {change.after}"
    return f"{change.path}: {values}{' (replaces)' if change.replaces else ''}"
