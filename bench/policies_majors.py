"""Whether the rules read what every major version of pulumi-gcp sends. `python -m bench.policies_majors DIR`.

DIR holds wheels of other versions (`pip download`): the types and inputs of the rules' examples are looked up in them;
and virtual environments, each with another version and the SDK: a foreign program is previewed in each by the engine,
with the pack, and what is found is compared with what is found in this one.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from infra.local.pulumi import run
from policies.examples import EXAMPLES
from policies.testing import Examples

_NAME = re.compile(r'@pulumi\.getter(?:\(name="(\w+)"\))?\s+(?:@\w[\w.()"]*\s+)*def (\w+)')


ROOT = Path(__file__).resolve().parent.parent
_MISTAKES = "public-bucket personal-data open-pool"
_FOUND = re.compile(r"- \[(mandatory|advisory)\](?: \[severity: \w+\])?  ([\w-]+)  \(([\w:/.]+: [\w-]+)\)")
_VERSION = "import importlib.metadata; print(importlib.metadata.version('pulumi-gcp'))"


def main(folder: str) -> None:
    """Print what each wheel does not have, and what is found otherwise in each environment."""
    _wheels(folder)
    ours = _preview(Path(sys.prefix))
    print(f"    a preview with pulumi-gcp {_version(Path(sys.prefix))}: {len(ours)} findings")
    for python in sorted(Path(folder).glob("*/bin/python")):
        environment = python.parent.parent
        theirs = _preview(environment)
        told = ", ".join(f"{' '.join(finding)}" for finding in sorted(ours ^ theirs)) or "the same"
        print(f"    a preview with pulumi-gcp {_version(environment)}: {len(theirs)} findings; {told}")


def _version(environment: Path) -> str:
    return subprocess.check_output([environment / "bin" / "python", "-c", _VERSION], text=True).strip()


def _preview(environment: Path) -> set[tuple[str, ...]]:
    """Level, rule and resource of all that the engine tells of a program with mistakes."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        shutil.copytree(ROOT / "tests" / "policies" / "foreign", project)
        runtime = f"{{name: python, options: {{virtualenv: {environment.resolve()}}}}}"
        (project / "Pulumi.yaml").write_text(f"name: shop\nruntime: {runtime}\n")
        arguments = ["preview", "--policy-pack", str(ROOT / "policies")]
        done = run(arguments, home=Path(folder) / "home", stack="dev", project=project, extra={"MISTAKES": _MISTAKES})
        return set(_FOUND.findall(done.stdout))


def _wheels(folder: str) -> None:
    wanted: dict[str, set[str]] = {}
    for examples in EXAMPLES:
        if isinstance(examples, Examples) and examples.type.startswith("gcp:"):
            for properties in (*examples.holds, *examples.violated):
                wanted.setdefault(examples.type, set()).update(properties)
    for path in sorted(Path(folder).glob("pulumi_gcp-*.whl")):
        with zipfile.ZipFile(path) as wheel:
            sources = {name.lower().replace("_", ""): name for name in wheel.namelist()}
            missing = [
                f"{token}: {', '.join(sorted(lacking))}"
                for token, properties in sorted(wanted.items())
                if (lacking := properties - _inputs(wheel, sources, token))
            ]
        print(f"    {path.name}: {len(wanted)} types, {len(missing)} with inputs that it does not have")
        print("".join(f"        {line}\n" for line in missing), end="")


def _inputs(wheel: zipfile.ZipFile, sources: dict[str, str], token: str) -> set[str]:
    module, _, name = token.removeprefix("gcp:").partition(":")[0].partition("/")
    found = sources.get(f"pulumigcp/{module}/{name}.py".lower())
    if found is None:
        return set()
    return {camel or name for camel, name in _NAME.findall(wheel.read(found).decode())}


if __name__ == "__main__":
    main(sys.argv[1])
