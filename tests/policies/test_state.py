"""A state is checked without the engine: from every form of it, with a baseline, into every form of a report."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from policies.commands import HELD, VIOLATED, WRONG_USAGE, main
from policies.frameworks import CIS
from policies.report import standings
from policies.wire import SECRET_SIGNATURE, SIGNATURE

BUCKET = "gcp:storage/bucket:Bucket"
SAFE = {"location": "EU", "uniformBucketLevelAccess": True, "publicAccessPrevention": "enforced", "__defaults": []}
OPEN = {**SAFE, "publicAccessPrevention": "inherited"}


def resource(name: str, inputs: dict[str, Any], kind: str = BUCKET, **more: Any) -> dict[str, Any]:
    urn = f"urn:pulumi:dev::shop::{kind}::{name}"
    return {"urn": urn, "type": kind, "inputs": inputs, "outputs": {**inputs, "etag": "x"}, **more}


def export(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"version": 3, "deployment": {"resources": list(resources)}}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


def run(state: Path, content: Any, *options: str) -> int:
    state.write_text(content if isinstance(content, str) else json.dumps(content))
    return main(["check", "--state", str(state), *options])


@pytest.mark.parametrize(
    "form",
    [
        export(resource("models", OPEN)),
        {"version": 3, "checkpoint": {"stack": "s", "latest": {"resources": [resource("models", OPEN)]}}},
        {"steps": [{"op": "create", "newState": resource("models", OPEN)}, {"op": "delete", "oldState": {}}]},
    ],
    ids=["export", "checkpoint", "preview"],
)
def test_every_form_of_a_state_is_read(state: Path, form: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(state, form) == VIOLATED
    assert "bucket-public-access-prevention" in capsys.readouterr().out


def test_what_is_there_no_more_or_is_another_stacks_is_left_alone(state: Path) -> None:
    assert run(state, export(resource("a", OPEN, delete=True), resource("b", OPEN, external=True))) == HELD
    assert run(state, export(resource("a", SAFE))) == HELD
    assert run(state, {"version": 3, "deployment": None}) == WRONG_USAGE


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"deployment": {"resources": [{"type": "t"}]}}', '{"resources": 7}']
)
def test_what_is_no_state_is_told_in_a_line(state: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(state, content) == WRONG_USAGE
    said = capsys.readouterr().err
    assert str(state) in said and said.count("\n") == 1 and "Traceback" not in said


def test_a_providers_own_arguments_are_looked_at_and_other_providers_are_not(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = '{"type": "service_account", "private_key": "-----BEGIN PRIVATE ' + 'KEY-----x"}'
    provider = resource("google", {"credentials": key}, "pulumi:providers:gcp")
    assert run(state, export(provider, resource("other", {"token": key}, "pulumi:providers:aws"))) == VIOLATED
    said = capsys.readouterr().out
    assert "pulumi:providers:gcp  google" in said and "credentials: " in said and "other" not in said


def test_an_encrypted_secret_is_undecided_and_one_in_clear_is_never_told(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def job(value: Any) -> dict[str, Any]:
        template = {"template": {"containers": [{"image": "i", "envs": [{"name": "SETTING", "value": value}]}]}}
        return export(resource("job", {"location": "EU", "template": template}, "gcp:cloudrunv2/job:Job"))

    options = ("--rule", "privacy-no-credentials-in-text", "--verbose")
    assert run(state, job({SIGNATURE: SECRET_SIGNATURE, "ciphertext": "v1:x"}), *options) == HELD
    assert "envs[0].value" in capsys.readouterr().out
    token = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
    assert run(state, job({SIGNATURE: SECRET_SIGNATURE, "plaintext": json.dumps(token)}), *options) == VIOLATED
    assert token not in capsys.readouterr().out


def test_what_is_undecided_is_counted_and_listed_where_it_is_asked_for(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unknown = {**SAFE, "uniformBucketLevelAccess": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"}
    content, options = export(*(resource(f"b{n}", unknown) for n in range(4))), ("--rule", "bucket-uniform-access")
    assert run(state, content, *options) == HELD
    folded = capsys.readouterr().out
    assert re.search(r"4  bucket-uniform-access$", folded, re.MULTILINE) and "b3" not in folded
    assert run(state, content, *options, "--verbose") == HELD
    assert "b3: not known: uniformBucketLevelAccess" in capsys.readouterr().out


# ---- the baseline -------------------------------------------------------------------------------------------------


def test_a_baseline_lets_pass_what_it_has_and_nothing_new(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    baseline = state.with_name("baseline.json")
    assert run(state, export(resource("old", OPEN)), "--write-baseline", str(baseline), "--owner", "orders") == HELD
    entries = {entry["rule"]: entry for entry in json.loads(baseline.read_text())["entries"]}
    assert all(entry["owner"] == "orders" and entry["since"] for entry in entries.values())
    assert entries["bucket-public-access-prevention"]["resource"].endswith("::old")
    options = ("--baseline", str(baseline))
    assert run(state, export(resource("old", OPEN)), *options) == HELD
    assert run(state, export(resource("old", OPEN), resource("new", OPEN)), *options) == VIOLATED
    capsys.readouterr()


@pytest.mark.parametrize(
    "changed",
    [{**OPEN, "location": "US"}, {**OPEN, "labels": {"team": "x"}}, {**OPEN, "publicAccessPrevention": "unspecified"}],
)
def test_a_baseline_never_hides_a_changed_resource(
    state: Path, changed: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    baseline = state.with_name("baseline.json")
    run(state, export(resource("old", OPEN)), "--write-baseline", str(baseline))
    assert run(state, export(resource("old", changed)), "--baseline", str(baseline)) == VIOLATED
    assert "the resource changed" in capsys.readouterr().out


def test_what_the_engine_keeps_for_itself_and_the_order_of_keys_are_no_change(state: Path) -> None:
    baseline = state.with_name("baseline.json")
    run(state, export(resource("old", OPEN)), "--write-baseline", str(baseline))
    same = {**dict(reversed(OPEN.items())), "__defaults": ["name"]}
    assert run(state, export(resource("old", same)), "--baseline", str(baseline)) == HELD


def test_a_name_that_the_engine_has_drawn_is_no_change_and_another_name_is(state: Path) -> None:
    """Until a resource is made, each preview draws another name for it."""
    baseline = state.with_name("baseline.json")
    member = {"role": "roles/storage.objectViewer", "member": "allUsers"}
    kind = "gcp:storage/bucketIAMMember:BucketIAMMember"

    def named(bucket: str, target: str) -> dict[str, Any]:
        return export(resource("old", {**OPEN, "name": bucket}), resource("all", {**member, "bucket": target}, kind))

    run(state, named("old-0a1b2c3", "old-0a1b2c3"), "--write-baseline", str(baseline))
    accepts = ("--baseline", str(baseline))
    assert run(state, named("old-4d5e6f7", "old-4d5e6f7"), *accepts) == HELD
    assert run(state, named("old-4d5e6f7", "older-4d5e6f7"), *accepts) == VIOLATED
    assert run(state, named("new-0a1b2c3", "new-0a1b2c3"), *accepts) == VIOLATED


def test_many_stale_entries_are_counted(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    baseline = state.with_name("baseline.json")
    rule = ("--rule", "bucket-public-access-prevention")
    run(state, export(*(resource(f"b{n}", OPEN) for n in range(9))), "--write-baseline", str(baseline), *rule)
    run(state, export(resource("b0", SAFE)), "--baseline", str(baseline), *rule)
    said = capsys.readouterr().out
    assert said.count("stale in the baseline") == 5 and "and 4 entries more are stale" in said


def test_the_hash_of_a_baseline_holds_no_secret(state: Path) -> None:
    baseline, written = state.with_name("baseline.json"), set()
    for secret in ("a", "b"):
        marked = {SIGNATURE: SECRET_SIGNATURE, "plaintext": json.dumps(secret)}
        run(state, export(resource("old", {**OPEN, "name": marked})), "--write-baseline", str(baseline))
        written.add(json.loads(baseline.read_text())["entries"][0]["inputs"])
    assert len(written) == 1


def test_stale_entries_are_told_and_a_new_baseline_keeps_day_and_owner(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    baseline = state.with_name("baseline.json")
    run(state, export(resource("a", OPEN), resource("b", OPEN)), "--write-baseline", str(baseline), "--owner", "orders")
    content = json.loads(baseline.read_text())
    for entry in content["entries"]:
        entry["since"] = "2026-01-15"
    baseline.write_text(json.dumps(content))
    capsys.readouterr()
    assert run(state, export(resource("a", OPEN)), "--baseline", str(baseline)) == HELD
    assert "stale in the baseline: bucket-public-access-prevention on b (orders, 2026-01-15)" in capsys.readouterr().out
    run(state, export(resource("a", OPEN)), "--write-baseline", str(baseline), "--owner", "others")
    kept = json.loads(baseline.read_text())["entries"]
    assert [(entry["owner"], entry["since"]) for entry in kept if "access-prevention" in entry["rule"]] == [
        ("orders", "2026-01-15")
    ]


@pytest.mark.parametrize(
    "content", [None, "", "[]", '{"version": 9, "entries": []}', '{"version": 1, "entries": [{}]}']
)
def test_a_baseline_that_is_none_stops_the_run(
    state: Path, content: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    baseline = state.with_name("baseline.json")
    if content is not None:
        baseline.write_text(content)
    assert run(state, export(resource("a", SAFE)), "--baseline", str(baseline)) == WRONG_USAGE
    assert "baseline.json" in capsys.readouterr().err


# ---- reports ------------------------------------------------------------------------------------------------------


def test_every_form_of_the_report_says_the_same(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = state.with_name("reports")
    exceptions = state.with_name("config.json")
    exception = {"resource": "known", "reason": "Emptied <b>this</b> month", "until": "2999-12-31"}
    exceptions.write_text(json.dumps({"bucket-public-access-prevention": {"exceptions": [exception]}}))
    content = export(resource("models", OPEN), resource("known", OPEN))
    assert run(state, content, "--report", str(folder), "--config", str(exceptions), "--diff") == VIOLATED
    printed = capsys.readouterr().out
    assert "- publicAccessPrevention: inherited" in printed and "+ publicAccessPrevention: enforced" in printed
    assert sorted(path.name for path in folder.iterdir()) == [
        f"report.{s}" for s in ("html", "json", "md", "sarif", "txt")
    ]

    document = json.loads((folder / "report.json").read_text())
    assert document["summary"]["mandatory"] == 1 and document["summary"]["excepted"] == 1
    (log,) = json.loads((folder / "report.sarif").read_text())["runs"]
    mine = [r for r in log["results"] if r["ruleId"] == "bucket-public-access-prevention"]
    assert [(r["kind"], r["level"], "suppressions" in r) for r in mine] == [
        ("fail", "error", False),
        ("fail", "error", True),
    ]
    assert all(log["tool"]["driver"]["rules"][r["ruleIndex"]]["id"] == r["ruleId"] for r in log["results"])
    page = (folder / "report.html").read_text()
    assert "&lt;b&gt;this&lt;/b&gt;" in page and "<b>this" not in page and "://" not in page
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))
    for text in ((folder / "report.txt").read_text(), (folder / "report.md").read_text(), page):
        assert "publicAccessPrevention" in text and "public_access_prevention=" in text


def test_sarif_says_what_the_standard_and_code_scanning_ask_for(state: Path) -> None:
    """The whole schema is `python -m bench policies`; this is what of it our own code decides."""
    out, config = state.with_name("report.sarif"), state.with_name("config.json")
    exception = {"resource": "known", "reason": "The public price list", "until": "2999-12-31"}
    config.write_text(json.dumps({"bucket-public-access-prevention": {"exceptions": [exception]}}))
    unknown = {**SAFE, "uniformBucketLevelAccess": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"}
    content = export(resource("models", OPEN), resource("known", OPEN), resource("late", unknown))
    assert run(state, content, "--sarif", str(out), "--config", str(config), "--profile", "platform") == VIOLATED
    document = json.loads(out.read_text())
    assert document["version"] == "2.1.0" and document["$schema"].endswith("/sarif-schema-2.1.0.json")
    (log,) = document["runs"]
    driver, results = log["tool"]["driver"], log["results"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", driver["semanticVersion"])
    assert len({rule["id"] for rule in driver["rules"]}) == len(driver["rules"])
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"] and rule["help"]["text"] and len(rule["properties"]["tags"]) <= 20
        assert 0 < float(rule["properties"]["security-severity"]) <= 10
    for result in results:
        # Section 3.27.10: where nothing failed there is no level.
        assert result["level"] in ({"error", "warning", "note"} if result["kind"] == "fail" else {"none"})
        assert result["kind"] in {"fail", "open"} and result["message"]["text"]
        (place,) = result["locations"]
        assert not re.match(r"[a-z]+:|/", place["physicalLocation"]["artifactLocation"]["uri"])
        assert place["physicalLocation"]["region"]["startLine"] == 1
        assert all(s["kind"] == "external" and s["justification"] for s in result.get("suppressions", ()))
    fingerprints = {result["partialFingerprints"]["finding/v1"] for result in results}
    assert len(fingerprints) == len(results) and {r["kind"] for r in results} == {"fail", "open"}


def test_a_requirement_is_broken_by_what_it_is_about_alone(state: Path) -> None:
    member = {"bucket": "b", "role": "roles/storage.objectViewer", "member": "allUsers"}
    content = export(resource("all", member, "gcp:storage/bucketIAMMember:BucketIAMMember"))
    out = state.with_name("report.json")
    assert run(state, content, "--json", str(out), "--profile", "cis-l1") == VIOLATED
    states = {(s["framework"], s["reference"]): s["state"] for s in standings(json.loads(out.read_text()))}
    assert states[CIS, "5.1"] == "broken"
    assert {states[CIS, "1.10"], states[CIS, "7.1"]} == {"nothing to look at"}


def test_whose_registry_an_image_is_of_is_told_by_what_is_deployed(state: Path) -> None:
    def service(project: str) -> dict[str, Any]:
        image = {"containers": [{"image": f"europe-west1-docker.pkg.dev/{project}/images/shop"}]}
        entry = resource("shop", {"template": image}, "gcp:cloudrunv2/service:Service")
        return export({**entry, "outputs": {**entry["outputs"], "project": "shop-prod"}})

    assert run(state, service("shop-prod"), "--rule", "cloud-run-image-registry") == HELD
    assert run(state, service("anybody"), "--rule", "cloud-run-image-registry") == VIOLATED


@pytest.mark.parametrize(
    ("kind", "inputs", "rule", "message"),
    [
        (
            "gcp:sql/databaseInstance:DatabaseInstance",
            {
                "databaseVersion": "POSTGRES_17",
                "settings": {"databaseFlags": [{"name": "log_duration", "value": "on"}]},
            },
            "sql-postgres-records",
            "log_connections, log_disconnections, log_statement, cloudsql.enable_pgaudit, log_lock_waits, "
            "log_hostname, log_temp_files are not set as they should be",
        ),
        (
            BUCKET,
            {**SAFE, "website": {"mainPageSuffix": "index.html", "notFoundPage": "404.html"}},
            "bucket-no-website",
            "the bucket is set up as a public website",
        ),
        (
            "gcp:compute/firewall:Firewall",
            {"sourceRanges": ["0.0.0.0/0"], "allows": [{"protocol": "tcp", "ports": ["22", "80", "8000-9000"]}]},
            "network-ingress-known",
            "lets the whole internet in (port 80, 8000-9000)",
        ),
        (
            "gcp:compute/firewall:Firewall",
            {"sourceRanges": ["0.0.0.0/0"], "allows": [{"protocol": "tcp", "ports": ["5432"]}]},
            "network-services-closed",
            "lets the internet in to a service that is none of its business (port 5432)",
        ),
    ],
)
def test_one_fact_is_told_once(state: Path, kind: str, inputs: dict[str, Any], rule: str, message: str) -> None:
    out = state.with_name("report.json")
    run(state, export(resource("one", inputs, kind)), "--rule", rule, "--json", str(out))
    assert [finding["message"] for finding in json.loads(out.read_text())["findings"]] == [message]
