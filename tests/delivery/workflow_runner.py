"""Run the `run:` steps of a workflow file, job after job, as a runner of GitHub Actions would, on one machine.

What GitHub does itself stands behind `uses:`; the few actions that move files are done here (check out, the
environment, artifacts), the others (sign-in, attestation, SBOM) have no part on one machine and are noted. Expressions
are evaluated: the subset that the workflows use.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_STATUS = re.compile(r"\b(always|cancelled|failure)\(\)")
"""With one of these a job runs although a job that it needs was skipped."""
_WORD = re.compile(r"'[^']*'|[A-Za-z_][\w-]*(?:\.[\w*-]+)*\(?|&&|\|\||!=|==|!|[()]|,|\s+")


@dataclass
class Runner:
    """One repository on one machine. `variables` are the repository's settings (`vars`), `artifacts` the folder that
    holds artifacts."""

    clone: Path
    artifacts: Path
    variables: Mapping[str, str]
    environment: Mapping[str, str]
    environments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    noted: list[str] = field(default_factory=list)
    output: str = ""

    def run(self, workflow: str, event: str, ref: str) -> dict[str, dict[str, str]]:
        """Run a workflow; returns each job's outputs. Raises AssertionError with a step's output where it fails."""
        document = yaml.safe_load((self.clone / ".github" / "workflows" / workflow).read_text())
        sha = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=self.clone, capture_output=True, text=True, check=True
        ).stdout.strip()
        github = {"sha": sha, "ref": ref, "event_name": event, "repository": "owner/orderguard", "token": ""}
        done: dict[str, dict[str, str]] = {}
        waiting = dict(document["jobs"])
        skipped: set[str] = set()
        while waiting:
            name = next(name for name, job in waiting.items() if not set(_listed(job.get("needs"))) & set(waiting))
            job = waiting.pop(name)
            context = {
                "github": github,
                "vars": self.variables,
                "secrets": {},
                "inputs": {},
                "needs": {n: {"outputs": o} for n, o in done.items()},
            }
            condition = str(job.get("if", "success()"))
            lost = bool(set(_listed(job.get("needs"))) & skipped) and not _STATUS.search(condition)
            if lost or not _truth(condition, context):
                done[name] = {}
                skipped.add(name)
            elif "uses" in job:
                called = self.run(Path(job["uses"]).name, event, ref)
                done[name] = {key: value for outputs in called.values() for key, value in outputs.items()}
            else:
                for cell in _cells(job.get("strategy", {}).get("matrix", {})):
                    done[name] = self._job(name, job, {**context, "matrix": cell}, document.get("env", {}))
        return done

    def _job(
        self, name: str, job: Mapping[str, Any], context: dict[str, Any], outer: Mapping[str, Any]
    ) -> dict[str, str]:
        steps: dict[str, Any] = {}
        variables = {**context["vars"], **self.environments.get(str(job.get("environment")), {})}
        context = {
            **context,
            "vars": variables,
            "steps": steps,
            "job": {},
            "env": {},
            "github": {**context["github"], "job": name},
        }
        context["env"] = {key: _text(value, context) for key, value in {**outer, **job.get("env", {})}.items()}
        for step in job["steps"]:
            if not _truth(step.get("if", "success()"), context):
                continue
            label = f"{name}: {step.get('name', step.get('run'))}"
            if "uses" in step:
                self._action(
                    label, step["uses"], {key: _text(value, context) for key, value in step.get("with", {}).items()}
                )
                continue
            given = {key: _text(value, context) for key, value in step.get("env", {}).items()}
            outputs = self._shell(label, _text(step["run"], context), {**context["env"], **given})
            if "id" in step:
                steps[step["id"]] = {"outputs": outputs}
        return {key: _text(value, context) for key, value in job.get("outputs", {}).items()}

    def _shell(self, label: str, script: str, given: Mapping[str, str]) -> dict[str, str]:
        told = self.artifacts / "step-output"
        told.write_text("")
        page = self.artifacts / "step-summary.md"
        environment = {**self.environment, **given, "GITHUB_OUTPUT": str(told), "GITHUB_STEP_SUMMARY": str(page)}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.clone,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        self.ran.append(label)
        self.output += f"\n### {label}\n{done.stdout}{done.stderr}"
        assert (
            done.returncode == 0
        ), f"{label} ended with exit code {done.returncode}:\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
        return dict(line.split("=", 1) for line in told.read_text().splitlines())

    def _action(self, label: str, uses: str, given: Mapping[str, str]) -> None:
        action = uses.split("@")[0]
        if action == "actions/upload-artifact":
            target = self.artifacts / given["name"]
            shutil.rmtree(target, ignore_errors=True)
            found = [path for line in given["path"].split() for path in self.clone.glob(line.rstrip("/"))]
            assert found, f"{label}: {given['path']} is not there"
            for path in found:
                if path.is_dir():
                    shutil.copytree(path, target, dirs_exist_ok=True)
                else:
                    target.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, target)
        elif action == "actions/download-artifact":
            for source in self.artifacts.glob(given.get("name") or given["pattern"]):
                shutil.copytree(source, self.clone / given["path"], dirs_exist_ok=True)
        elif action == "anchore/sbom-action":  # what is in an image is GitHub's to list; the steps after want the file
            (self.clone / given["output-file"]).write_text("{}")
            self.noted.append(label)
        elif action not in ("actions/checkout", "./.github/actions/environment"):
            self.noted.append(label)


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


def _cells(matrix: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = [{}]
    for key, values in matrix.items():
        cells = [{**cell, key: value} for cell in cells for value in values]
    return cells


def _text(value: Any, context: Mapping[str, Any]) -> str:
    return _EXPRESSION.sub(
        lambda match: str(evaluate(match[1], context) or ""),
        str(value).lower() if isinstance(value, bool) else str(value),
    )


def _truth(condition: Any, context: Mapping[str, Any]) -> bool:
    match = _EXPRESSION.fullmatch(str(condition))
    return bool(evaluate(match[1] if match else str(condition), context))


def evaluate(expression: str, context: Mapping[str, Any]) -> Any:
    """The value of an expression of GitHub Actions: names, text, ==, !=, &&, ||, ! and the status functions of a run
    without failures."""
    position, python = 0, ""
    while position < len(expression):
        match = _WORD.match(expression, position)
        if match is None:
            raise ValueError(f"not understood: {expression[position:]!r} in {expression!r}")
        word, position = match[0], match.end()
        python += _OPERATORS.get(word) or (
            word if word[0] in "'(),=! \t" else f"look({word!r})" if not word.endswith("(") else f"call_{word}"
        )
    functions = {
        "call_always": lambda: True,
        "call_success": lambda: True,
        "call_failure": lambda: False,
        "call_cancelled": lambda: False,
    }
    return eval(python, {"__builtins__": {}}, {"look": lambda path: _look(path, context), **functions})


_OPERATORS = {"&&": " and ", "||": " or ", "!": " not "}


def _look(path: str, context: Mapping[str, Any]) -> Any:
    value: Any = context
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value if value is not None else ""


def fresh_clone(source: Path, target: Path, environment: Path) -> Path:
    """A clone of the committed state, which shares the virtual environment and nothing else."""
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(source), str(target)], check=True)
    os.symlink(environment, target / ".venv")
    return target
