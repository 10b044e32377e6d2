"""The graph of a pipeline as text: each step, what it takes, and what else it is told."""

import apache_beam as beam
from apache_beam.pipeline import AppliedPTransform
from apache_beam.pvalue import PCollection


def graph(pipeline: beam.Pipeline) -> str:
    """A line a step, in the order in which they were added: `step ← what it takes (told: what it is told)`."""
    (root,) = pipeline.transforms_stack
    made_by = {id(value): _name(part, tag) for part in root.parts for tag, value in part.outputs.items()}
    return "\n".join(_line(part, made_by) for part in root.parts)


def _line(step: AppliedPTransform, made_by: dict[int, str]) -> str:
    def names(values: "list[PCollection]") -> str:
        return ", ".join(dict.fromkeys(made_by[id(value)] for value in values if id(value) in made_by))

    taken, told = names(list(step.inputs)), names([side.pvalue for side in _told(step)])
    line: str = step.full_label + (f" ← {taken}" if taken else "") + (f" (told: {told})" if told else "")
    return line


def _told(step: AppliedPTransform) -> "list[beam.pvalue.AsSideInput]":
    """The side inputs of a step and of those in it."""
    return [*step.side_inputs, *(side for part in step.parts for side in _told(part))]


def _name(step: AppliedPTransform, tag: str | None) -> str:
    return f"{step.full_label}.{tag}" if tag else str(step.full_label)
