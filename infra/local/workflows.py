"""Run a workflow's own source: what stands between an event and the job that it starts.

The constructs that this repository's workflows use, and no others: steps that call or switch, `next`, and expressions
of values, `+`, comparisons and functions. A source is read as a whole before its first step, so a name that is nowhere
is found on whatever way. https://cloud.google.com/workflows/docs/reference/syntax
"""

import ast
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml

Call = Callable[[Mapping[str, Any]], Any]
"""What a step calls: arguments → result."""
Function = Callable[..., Any]
END = "end"
_STEP = {"call", "args", "result", "switch", "next"}
_CASE = {"condition", "next"}
_NAMES = {"true": True, "false": False, "null": None}
_OPERATORS: dict[type[ast.cmpop], Function] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda one, others: one in others,
}


class WorkflowError(Exception):
    """A source that can't be run, or whose run failed; the message names the step."""


def match_regex(source: str, regexp: str) -> bool:
    """`text.match_regex`: whether the pattern is found anywhere in the text."""
    return re.search(regexp, source) is not None


def execute(source: str, argument: object, calls: Mapping[str, Call], functions: Mapping[str, Function]) -> None:
    """Run the workflow `main` of a source. Raises `WorkflowError` for what is not known here, and for what fails."""
    parameter, steps = _read(source, calls, functions)
    variables: dict[str, Any] = {parameter: argument} if parameter else {}
    names, at = list(steps), 0
    while at < len(names):
        name = names[at]
        try:
            goes = _run(steps[name], variables, calls, functions)
        except (LookupError, TypeError, AttributeError, re.error) as problem:
            raise WorkflowError(f"step {name}: {type(problem).__name__}: {problem}") from None
        if goes == END:
            return
        at = names.index(goes) if goes else at + 1


def _run(
    step: Mapping[str, Any], variables: dict[str, Any], calls: Mapping[str, Call], functions: Mapping[str, Function]
) -> str:
    """Where the step says to go on; empty for the next one."""
    if "call" in step:
        result = calls[step["call"]](_evaluated(step.get("args", {}), variables, functions))
        if "result" in step:
            variables[step["result"]] = result
    for case in step.get("switch", ()):
        met = _evaluated(case["condition"], variables, functions)
        if not isinstance(met, bool):
            raise TypeError(f"the condition {case['condition']} is no boolean")
        if met:
            return str(case["next"])
    return str(step.get("next", ""))


def _evaluated(value: Any, variables: Mapping[str, Any], functions: Mapping[str, Function]) -> Any:
    """A value with its expressions worked out."""
    if isinstance(value, dict):
        return {name: _evaluated(one, variables, functions) for name, one in value.items()}
    if isinstance(value, list):
        return [_evaluated(one, variables, functions) for one in value]
    found = _expression(value)
    return value if found is None else _value(found, variables, functions)


def _expression(value: Any) -> ast.expr | None:
    """The expression that a text is, None for anything else. Raises `WorkflowError`."""
    if not isinstance(value, str) or "${" not in value:
        return None
    inner = re.fullmatch(r"\$\{(.*)\}", value, re.DOTALL)
    if not inner:
        raise WorkflowError(f"{value}: an expression has to be the whole text")
    try:
        return ast.parse(inner[1].strip(), mode="eval").body
    except SyntaxError:
        raise WorkflowError(f"{value} is not an expression") from None


def _value(node: ast.expr, variables: Mapping[str, Any], functions: Mapping[str, Function]) -> Any:
    def of(one: ast.expr) -> Any:
        return _value(one, variables, functions)

    match node:
        case ast.Constant():
            return node.value
        case ast.Name():
            return _NAMES[node.id] if node.id in _NAMES else variables[node.id]
        case ast.Attribute():
            return of(node.value)[node.attr]
        case ast.Subscript():
            return of(node.value)[of(node.slice)]
        case ast.Call():
            return functions[ast.unparse(node.func)](*map(of, node.args))
        case ast.UnaryOp(op=ast.Not()):
            return not of(node.operand)
        case ast.BinOp(op=ast.Add()):
            return of(node.left) + of(node.right)
        case ast.BoolOp():
            return all(map(of, node.values)) if isinstance(node.op, ast.And) else any(map(of, node.values))
        case ast.Compare(ops=[sign], comparators=[other]) if type(sign) in _OPERATORS:
            return _OPERATORS[type(sign)](of(node.left), of(other))
    raise WorkflowError(f"{ast.unparse(node)} is not known here")


def _read(
    source: str, calls: Mapping[str, Call], functions: Mapping[str, Function]
) -> tuple[str, dict[str, dict[str, Any]]]:
    """The name of what `main` is given, and its steps by name. Raises `WorkflowError` for what is not known here."""
    try:
        main = yaml.safe_load(source)["main"]
        parameters = main.get("params", [])
        steps = {name: dict(step) for one in main["steps"] for name, step in one.items()}
        count = len(main["steps"])
    except (yaml.YAMLError, LookupError, TypeError, ValueError, AttributeError) as problem:
        raise WorkflowError(f"the source is no workflow: {problem}") from None
    if len(parameters) > 1 or len(steps) != count or set(main) - {"params", "steps"}:
        raise WorkflowError("`main` has to have one parameter at most, and steps of different names")
    known = {*parameters, *(step["result"] for step in steps.values() if "result" in step), *_NAMES}
    for name, step in steps.items():
        if wrong := list(_wrong(step, {*steps, END}, known, calls, functions)):
            raise WorkflowError(f"step {name}: {wrong[0]}")
    return next(iter(parameters), ""), steps


def _wrong(
    step: Mapping[str, Any],
    targets: set[str],
    names: set[str],
    calls: Mapping[str, Call],
    functions: Mapping[str, Function],
) -> Iterator[str]:
    """What of a step is not known here."""
    for word in sorted(set(step) - _STEP):
        yield f"`{word}` is not known here"
    if "call" in step and step["call"] not in calls:
        yield f"the call {step['call']} is not known here"
    for case in step.get("switch", ()):
        if set(case) != _CASE:
            yield "a case of a switch has to have a condition and a next step, and no more"
    for target in [*(case.get("next") for case in step.get("switch", ())), step.get("next", END)]:
        if target not in targets:
            yield f"there is no step {target}"
    for text in _texts([step.get("args"), *(case.get("condition") for case in step.get("switch", ()))]):
        for node in ast.walk(_expression(text) or ast.Constant("")):
            if isinstance(node, ast.Call) and ast.unparse(node.func) not in functions:
                yield f"the function {ast.unparse(node.func)} is not known here"
            if isinstance(node, ast.Name) and node.id not in names | {name.partition(".")[0] for name in functions}:
                yield f"there is no variable {node.id}"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(one)
