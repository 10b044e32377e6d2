"""The steps as a tree by component: what changes is listed, what is only created is counted by kind, what stays is
folded.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from delivery.previews.steps import FORGET, UNCHANGED, Step, Steps, shortened
from policies.output.folding import shown_type

MANY = 3
"""So many resources of a kind under one component are listed; more are counted."""


@dataclass
class Node:
    """A component, or the stack itself (`step` is None), and what it consists of."""

    step: Step | None
    children: list["Node"] = field(default_factory=list)

    def leaves(self) -> Iterator[Step]:
        """The resources of the cloud in it, at any depth."""
        if self.step is not None and not self.step.component:
            yield self.step
        for child in self.children:
            yield from child.leaves()

    @property
    def changes(self) -> bool:
        return any(step.operation != UNCHANGED for step in self.leaves())

    @property
    def new(self) -> bool:
        """Whether all of it is created."""
        return all(step.operation == "create" for step in self.leaves())


def grown(steps: Steps) -> Node:
    """The stack as a tree, in an order that does not depend on which registration the engine took first."""
    nodes = {step.urn: Node(step) for step in sorted(steps.steps, key=lambda step: (step.component, *_title(step)))}
    root = Node(None)
    for node in nodes.values():
        assert node.step is not None  # for the type checker  # nosec B101
        nodes.get(node.step.parent, root).children.append(node)
    return root


@dataclass(frozen=True)
class Line:
    """A line of the tree: how deep it stands, the operation (empty: a component that only holds others) and its text;
    `step` where it is about one resource.
    """

    depth: int
    operation: str
    text: str
    step: Step | None = None


def lines(node: Node, depth: int = 0) -> Iterator[Line]:
    """What changes, by component. Many of a kind that one component gets or lets go of are one line."""
    changing = [child for child in node.children if child.changes]
    many = Counter(_fold(child) for child in changing)
    for child in changing:
        step = child.step
        assert step is not None  # for the type checker  # nosec B101
        if (fold := _fold(child)) and many[fold] > MANY:
            yield Line(depth, step.operation, _together(step, [one.step for one in changing if _fold(one) == fold]))
            many[fold] = 0
        if fold and not many[fold]:
            continue
        if not step.component:
            yield Line(depth, step.operation, f"{shown_type(step.type)} {step.name}", step)
            yield from lines(child, depth + 1)
        elif child.new:
            yield Line(depth, "create", f"{' '.join(_title(step))}: {_kinds(child)}")
        else:
            yield Line(depth, "", " ".join(_title(step)))
            yield from lines(child, depth + 1)


def _fold(node: Node) -> tuple[str, str] | None:
    """What a resource may be folded with: nothing that was there is changed or destroyed by it."""
    step = node.step
    if step is None or step.component or node.children or step.operation not in ("create", FORGET):
        return None
    return step.operation, step.type


def _together(first: Step, steps: Sequence[Step | None]) -> str:
    names = [step.name for step in steps if step]
    return f"{len(names)} {shown_type(first.type)}: {shortened(', '.join(names), 80)}"


def _title(step: Step) -> tuple[str, str]:
    """A component as the program names it: `Bucket raw`."""
    return step.type.rpartition(":")[2], step.name


def _kinds(node: Node) -> str:
    counted = Counter(step.type.rpartition(":")[2] for step in node.leaves())
    return ", ".join(name if number == 1 else f"{number} {name}" for name, number in counted.items())
