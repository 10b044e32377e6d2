"""A report of every rule's violated examples, as SARIF, against the standard's own JSON schema (Draft 7)."""

import json
import subprocess
import sys
import tempfile
import urllib.request
from datetime import date
from pathlib import Path
from urllib.error import URLError

from policies.catalogue import RULES
from policies.examples import EXAMPLES
from policies.output.sarif import SCHEMA, sarif
from policies.pack import Pack
from policies.rule import PLATFORM
from policies.state import check, read_state
from policies.testing import UNKNOWN, Examples

SCHEMA_FILE = "sarif-schema-2.1.0.json"


def measure(folder: Path | None) -> dict[str, float]:
    """Print whether the report is valid. The schema is in the folder, or is fetched from where the standard has it."""
    text = report()
    results = json.loads(text)["runs"][0]["results"]
    with tempfile.TemporaryDirectory() as temporary:
        written = Path(temporary) / "report.sarif"
        written.write_text(text)
        schema = _schema(folder, Path(temporary))
        if schema is None:
            print(f"    SARIF: not validated, {SCHEMA} can't be fetched; put it into the folder as {SCHEMA_FILE}")
            return {"results": len(results)}
        command = [sys.executable, "-m", "check_jsonschema", "--regex-variant", "python", "--schemafile", str(schema)]
        done = subprocess.run([*command, str(written)], capture_output=True, text=True)
    print(f"    SARIF 2.1.0: {len(results)} results, {'valid' if done.returncode == 0 else done.stdout[-2_000:]}")
    return {"results": len(results), "valid": float(done.returncode == 0)}


def report() -> str:
    """What each rule says of its own violated examples, with unknowns beside them and exceptions for some of them."""
    resources = [
        {"urn": f"urn:pulumi:prod::p::{item.type}::{item.rule}-{number}", "type": item.type, "inputs": inputs}
        for item in EXAMPLES
        if isinstance(item, Examples)
        for number, inputs in enumerate([*item.violated, {key: UNKNOWN for key in item.violated[0]}])
    ]
    pack = Pack(RULES, PLATFORM, date.today())
    until = date.max.isoformat()
    for rule in RULES[:3]:
        exception = {"resource": f"{rule.name}-0", "reason": "To have one in the report", "until": until}
        pack.configure(rule.name, {"exceptions": [exception]})
    check(pack, read_state(json.dumps({"deployment": {"resources": resources}}, default=str)))
    return sarif(pack.report.document())


def _schema(folder: Path | None, temporary: Path) -> Path | None:
    if folder is not None and (folder / SCHEMA_FILE).exists():
        return folder / SCHEMA_FILE
    try:
        with urllib.request.urlopen(SCHEMA, timeout=30) as answer:  # nosec B310
            (temporary / SCHEMA_FILE).write_bytes(answer.read())
    except (URLError, OSError):
        return None
    return temporary / SCHEMA_FILE
