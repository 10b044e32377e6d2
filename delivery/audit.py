"""Looking for known vulnerabilities and for credentials. Findings go to reports/sarif/; any finding fails the step."""

import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from delivery import findings
from delivery.commands import REPOSITORY, run
from delivery.errors import DeliveryError
from delivery.inspection import PACKAGES

SARIF = REPOSITORY / "reports" / "sarif"


def requirements(names: Sequence[str]) -> None:
    """Ask PyPI's advisories about every package that the lock files pin; one with findings does not hide the next."""
    problems = []
    for name in names:
        lock = f"requirements/{name}.txt"
        try:
            _pip_audit(["--requirement", lock, "--require-hashes", "--disable-pip"], name, lock)
        except DeliveryError as problem:
            problems.append(str(problem))
    if problems:
        raise DeliveryError("\n".join(problems))


def image(archive: Path) -> None:
    """Ask about every package that is installed in the image's archive, whatever the lock file says."""
    if not archive.exists():
        raise DeliveryError(f"{archive} is missing: build the images first, `make image`.")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as whole:
            for layer in json.loads(_read(whole, "manifest.json"))[0]["Layers"]:
                content = whole.extractfile(layer)
                with tarfile.open(fileobj=content) as files:
                    wanted = [
                        file for file in files.getmembers() if PACKAGES in file.name and ".dist-info/" in file.name
                    ]
                    files.extractall(folder, members=wanted, filter="data")
        _pip_audit(["--path", str(Path(folder) / PACKAGES)], "image", "requirements/serve.txt")


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    return file.read() if file else b""


def _pip_audit(arguments: Sequence[str], name: str, lock: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            sys.executable,
            "-m",
            "pip_audit",
            *arguments,
            "--format",
            "json",
            "--output",
            str(report),
            "--progress-spinner",
            "off",
        ]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        if not report.exists():
            raise DeliveryError(f"pip-audit gave no report on {name}:\n{done.stderr.strip()[-2000:]}")
        _judge(findings.pip_audit(report, lock, name), f"pip-audit-{name}", f"packages of {name}")


def secrets() -> None:
    """Look for credentials in the files that git tracks, by the forms that providers give them.

    The guesses of detect-secrets (entropy, words such as "secret") are off: every digest in a test is one to them.
    """
    files = run(["git", "ls-files", "-z", "--", ".", ":!requirements/*.txt", ":!*.sum"]).split("\0")
    command = [sys.executable, "-m", "detect_secrets", "scan"]
    for guess in ("Base64HighEntropyString", "HexHighEntropyString", "KeywordDetector"):
        command += ["--disable-plugin", guess]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        report.write_text(run([*command, *filter(None, files)]), encoding="utf-8")
        _judge(findings.secrets(report), "secrets", "tracked files")


def _judge(document: dict[str, object], name: str, what: str) -> None:
    SARIF.mkdir(parents=True, exist_ok=True)
    (SARIF / f"{name}.sarif").write_text(json.dumps(document, indent=2), encoding="utf-8")
    runs = document["runs"]
    results = runs[0]["results"] if isinstance(runs, list) else []
    for result in results:
        place = result["locations"][0]["physicalLocation"]
        print(
            f"{place['artifactLocation']['uri']}:{place['region']['startLine']}: "
            f"{result['ruleId']} {result['message']['text']}"
        )
    if results:
        raise DeliveryError(
            f"{len(results)} findings in the {what}; they stand in {SARIF.relative_to(REPOSITORY)}/{name}.sarif too."
        )
    print(f"{what}: nothing found")
