"""A preview for a terminal."""

import textwrap
from collections.abc import Iterator, Sequence

from delivery.previews import tree
from delivery.previews.preview import Preview, told_of
from delivery.previews.steps import Change, Step, shown
from policies.output.folding import shown_type
from policies.output.text import text as policies

SIGNS = {"delete": "-", "replace": "±", "update": "~", "import": "=", "create": "+", "forget": "·", "": " "}
WIDTH = 100


def text(preview: Preview) -> str:
    """The count, what is destroyed, the rest as a tree, what the policies say. Nothing is told twice."""
    lines = [preview.counts, f"{preview.stack} on {the(preview.cloud)}, compared with {preview.against}"]
    lines += [f"note: {note}" for note in preview.notes]
    if refused := list(preview.refusals()):
        lines += ["", "Refused", *(f"  {line}" for problem in refused for line in problem.splitlines())]
    destroyed = preview.steps.destroyed()
    for title, found in (
        ("Data that is destroyed", [step for step in destroyed if step.data]),
        ("Destroyed or replaced, no data", [step for step in destroyed if not step.data]),
    ):
        lines += ["", title, *(f"  {line}" for step in found for line in _destroyed(step))] if found else []
    if told := list(_tree(preview)):
        lines += ["", f"What {'else ' if destroyed else ''}changes, by component", *told]
    if preview.steps.outputs:
        lines += ["", "Outputs", *(part for line in outputs(preview.steps.outputs) for part in _wrapped(line))]
    if preview.said is not None:
        lines += ["", policies(preview.said).rstrip()]
    return "\n".join(lines) + "\n"


def the(cloud: str) -> str:
    return cloud if cloud[0].isupper() else f"the {cloud}"


def _destroyed(step: Step) -> Iterator[str]:
    told = told_of(step)
    yield f"{SIGNS[step.operation]} {shown_type(step.type)} {step.name}{f': {told}' if told else ''}"
    yield from (f"    {changed(change)}" for change in step.changes)


def _tree(preview: Preview) -> Iterator[str]:
    """What changes and is not destroyed, below the component that it belongs to."""
    kept: list[tree.Line] = []
    for line in reversed(list(tree.lines(tree.grown(preview.steps)))):
        holds = bool(kept) and kept[-1].depth > line.depth
        if not (line.step and line.step.destroys) and (line.operation or holds):
            kept.append(line)
    for line in reversed(kept):
        indent = "  " * (line.depth + 1)
        yield f"{indent}{SIGNS[line.operation]} {line.text}"
        for change in line.step.changes if line.step else ():
            yield f"{indent}    {changed(change)}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)


def outputs(changes: Sequence[Change]) -> list[str]:
    """The stack's outputs that change; those of a new stack in one line."""
    new = [change.path for change in changes if change.before == shown(None)]
    if len(new) <= tree.MANY:
        return [changed(change) for change in changes]
    return [f"{len(new)} new: {', '.join(new)}", *(changed(one) for one in changes if one.path not in new)]


def changed(change: Change) -> str:
    """A property's change in one line."""
    named = change.replaces and change.before == change.after and change.before.startswith('"')
    values = f"{change.before}, which is recreated" if named else f"{change.before} → {change.after}"
    return f"{change.path}: {values}{' (replaces)' if change.replaces else ''}"
