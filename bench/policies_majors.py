"""Whether the rules read what every major version of pulumi-gcp sends: the types and inputs of the rules' examples,
looked up in the wheels of other versions. `python -m bench.policies_majors DIR`, with wheels in DIR (`pip download`).
"""

import re
import sys
import zipfile
from pathlib import Path

from policies.examples import EXAMPLES
from policies.testing import Examples

_NAME = re.compile(r'@pulumi\.getter(?:\(name="(\w+)"\))?\s+(?:@\w[\w.()"]*\s+)*def (\w+)')


def main(folder: str) -> None:
    """Prints, for each wheel, the inputs that it does not have."""
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
