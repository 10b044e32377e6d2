"""A preview as a section of a comment on a pull request, or of a run's page: the same as in a terminal, folded, and
nobody is called by an @.
"""

from collections.abc import Iterable, Iterator

from delivery.previews import tree
from delivery.previews.preview import Preview, told_of
from delivery.previews.steps import UNCHANGED, Step
from delivery.previews.text import SIGNS, changed, outputs, the
from policies.output.folding import shown_type
from policies.output.markdown import markdown as policies

FEW = 5
"""So many rows without data are shown unfolded."""
_WORDS = {"delete": "deleted", "replace": "replaced"}


def markdown(preview: Preview) -> str:
    """The count, what is destroyed, the tree, what the policies say."""
    lines = [f"### `{preview.stack}` on {the(preview.cloud)}", ""]
    lines += [f"**{preview.counts}**, compared with {preview.against}. Policies: {preview.policies}."]
    lines += [f"\n> {escaped(note)}" for note in preview.notes]
    if refused := list(preview.refusals()):
        said = [line for problem in refused for line in problem.splitlines()]
        lines += ["", "Refused:", "", *fenced(said, "text")]
    lines += _destroyed(preview.steps.destroyed())
    told = policies(preview.said) if preview.said is not None else ""
    lines += [told] if told.strip() else []
    grown = tree.grown(preview.steps)
    if grown.changes:
        opened = " open" if sum(1 for _ in tree.lines(grown)) <= 40 else ""
        lines += ["", f"<details{opened}><summary>What changes, by component</summary>", ""]
        lines += [*fenced(list(_tree(preview, grown)), "diff"), "", "</details>"]
    if changes := preview.steps.outputs:
        lines += ["", f"<details><summary>Outputs that change: {len(changes)}</summary>", ""]
        lines += [*fenced(outputs(changes), "text"), "", "</details>"]
    return "\n".join([*lines, ""])


def _destroyed(steps: list[Step]) -> list[str]:
    if not steps:
        return []
    lost = [step for step in steps if step.data]
    rest = [step for step in steps if not step.data]
    lines = ["", f"**Destroyed: {len(lost)} with data, {len(rest)} without**"]
    if len(rest) <= FEW:
        return [*lines, *_rows(steps)]
    lines += _rows(lost) if lost else []
    return [*lines, "", f"<details><summary>Without data: {len(rest)}</summary>", *_rows(rest), "", "</details>"]


def _rows(steps: Iterable[Step]) -> list[str]:
    lines = ["", "| what | how | |", "|---|---|---|"]
    for step in steps:
        name = f"{'⚠️ ' if step.data else ''}`{cell(step.name)}`<br>{cell(shown_type(step.type))}"
        how = f"**{_WORDS[step.operation]}**" if step.data else _WORDS[step.operation]
        lines.append(f"| {name} | {how} | {cell(told_of(step))} |")
    return lines


def _tree(preview: Preview, grown: tree.Node) -> Iterator[str]:
    """The signs stand in the first column: so GitHub colours the lines."""
    for line in tree.lines(grown):
        indent = "  " * line.depth
        sign = {"replace": "!", "update": "!", "import": "+"}.get(line.operation, SIGNS[line.operation])
        yield f"{sign} {indent}{line.text}{f' ({line.operation})' if line.step else ''}"
        for change in line.step.changes if line.step else ():
            yield f"  {indent}    {changed(change)}"
    if unchanged := preview.steps.counted(UNCHANGED):
        yield f"  {unchanged} unchanged"


def fenced(lines: list[str], language: str) -> list[str]:
    """A block in which nothing is Markdown."""
    return [f"```{language}", *(line.replace("```", "~~~") for line in lines), "```"]


def escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace("@", "&#64;")


def cell(text: str) -> str:
    return escaped(text).replace("|", "/").replace("\n", " ")
