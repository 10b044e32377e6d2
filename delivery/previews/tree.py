"""The steps as a tree by component: what changes is listed, what is only created is counted by kind, what stays is
folded.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from delivery.previews.steps import UNCHANGED, Step, Steps
from policies.output.folding import shown_type


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
    """What changes, by component."""
    for child in node.children:
        step = child.step
        assert step is not None  # for the type checker  # nosec B101
        if not child.changes:
            continue
        if not step.component:
            yield Line(depth, step.operation, f"{shown_type(step.type)} {step.name}", step)
            yield from lines(child, depth + 1)
        elif child.new:
            yield Line(depth, "create", f"{' '.join(_title(step))}: {_kinds(child)}")
        else:
            yield Line(depth, "", " ".join(_title(step)))
            yield from lines(child, depth + 1)


def _title(step: Step) -> tuple[str, str]:
    """A component as the program names it: `Bucket raw`."""
    return step.type.rpartition(":")[2], step.name


def _kinds(node: Node) -> str:
    counted = Counter(step.type.rpartition(":")[2] for step in node.leaves())
    return ", ".join(name if number == 1 else f"{number} {name}" for name, number in counted.items())
