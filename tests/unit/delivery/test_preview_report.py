"""A preview says what is destroyed before all else, folds what stays, and reads the same wherever it is shown."""

import json
from pathlib import Path
from typing import Any

import pytest

from delivery.previews import comment, running
from delivery.previews.markdown import markdown
from delivery.previews.preview import GOOGLE_CLOUD, LOCAL, Preview, as_json
from delivery.previews.steps import LONGEST, Steps, both, changed_by_refresh, read, shown
from delivery.previews.text import text

PROGRAM = "urn:pulumi:prod::orderguard::"
STACK = f"{PROGRAM}pulumi:pulumi:Stack::orderguard-prod"
COMPONENT = f"{PROGRAM}orderguard:platform:Bucket::models"
BUCKET = "gcp:storage/bucket:Bucket"
MEMBER = "gcp:storage/bucketIAMMember:BucketIAMMember"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}
NOTHING = Steps((), (), ())


def event(
    operation: str,
    kind: str = BUCKET,
    name: str = "models",
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
    detail: dict[str, Any] | None = None,
    **state: Any,
) -> dict[str, Any]:
    """What the engine says before it does something to a resource of the component `models`."""
    common = {"custom": True, "parent": COMPONENT, **state}
    return {
        "resourcePreEvent": {
            "metadata": {
                "op": operation,
                "urn": f"{PROGRAM}orderguard:platform:Bucket${kind}::{name}",
                "type": kind,
                "old": None if operation == "create" else {**common, "inputs": old or {}},
                "new": None if operation == "delete" else {**common, "inputs": new or {}},
                "detailedDiff": detail,
            }
        }
    }


def holder(operation: str = "same") -> dict[str, Any]:
    urn = {"urn": COMPONENT, "type": "orderguard:platform:Bucket"}
    return {"resourcePreEvent": {"metadata": {"op": operation, **urn, "old": None, "new": {"parent": STACK}}}}


RENAMED = [
    {"resourcePreEvent": {"metadata": {"op": "same", "urn": STACK, "type": "pulumi:pulumi:Stack", "new": {}}}},
    holder(),
    event("delete-replaced", old={"name": "a"}, protect=True),
    event(
        "replace",
        old={"name": "a", "labels": {"team": "x"}},
        new={"name": "b", "labels": {"team": "y"}},
        detail={"name": {"diffKind": "update-replace", "inputDiff": True}, "labels.team": {"diffKind": "update"}},
        protect=True,
    ),
    event("create-replacement", new={"name": "b"}, protect=True),
    event("delete", MEMBER, "somebody"),
    event("create", MEMBER, "new"),
    *(event("same", MEMBER, f"other-{number}") for number in range(3)),
    {"diagnosticEvent": {"severity": "warning", "message": "using pulumi-resource-gcp from $PATH"}},
    {"diagnosticEvent": {"severity": "error", "message": "preview failed\n", "urn": STACK}},
    {"diagnosticEvent": {"severity": "error", "message": 'unable to replace resource "x::models"', "urn": "x::models"}},
]


def previewed(steps: Steps, said: Any = None, failure: str | None = None, cloud: str = LOCAL) -> Preview:
    return Preview("prod", cloud, "the base", steps, said, failure)


def said(*findings: tuple[str, str, str]) -> dict[str, Any]:
    """A report of the policies with these findings: state, rule and message."""
    states = ("violated", "undecided", "excepted", "accepted")
    return {
        "tool": {"name": "orderguard-gcp", "version": "1"},
        **{"profile": "platform", "project": "orderguard", "stack": "prod"},
        "summary": {
            **{state: sum(f[0] == state for f in findings) for state in states},
            "mandatory": sum(f[0] == "violated" for f in findings),
        },
        "rules": [{"name": rule, "fix": "Write it otherwise."} for _, rule, _ in findings],
        "findings": [
            {
                **{"state": state, "rule": rule, "message": message, "urn": "a::models", "type": BUCKET},
                **{"severity": "high", "level": "mandatory", "name": "models", "path": "", "note": ""},
            }
            for state, rule, message in findings
        ],
        "notes": [],
    }


def test_several_events_of_a_resource_are_one_step_and_components_are_no_resources() -> None:
    steps = read(RENAMED)
    counts = {operation: steps.counted(operation) for operation in ("replace", "delete", "create", "update", "same")}
    assert counts == {"replace": 1, "delete": 1, "create": 1, "update": 0, "same": 3}
    (bucket,) = [step for step in steps.steps if step.operation == "replace"]
    assert [(change.path, change.before, change.after, change.replaces) for change in bucket.changes] == [
        ("name", '"a"', '"b"', True),
        ("labels.team", '"x"', '"y"', False),
    ]
    assert steps.problems == ('unable to replace resource "x::models"',)


@pytest.mark.parametrize(
    ("show", "rest"),
    [
        (text, ['name: "a" → "b" (replaces)', "somebody", "What else changes, by component", "BucketIAMMember new"]),
        (markdown, ["somebody", "What changes, by component", 'name: "a" → "b" (replaces)']),
    ],
)
def test_what_is_destroyed_comes_first_data_before_all_and_what_stays_is_folded(show: Any, rest: list[str]) -> None:
    shown_text = show(previewed(read(RENAMED), said(), "the engine's own words"))
    order = ["1 to delete, 1 to replace, 1 to create; 3 unchanged", "unable to replace", "because of name"]
    places = [shown_text.index(piece) for piece in (*order, *rest)]
    assert places == sorted(places)
    assert "protected: `up` refuses it" in shown_text and "other-" not in shown_text
    assert "using pulumi-resource" not in shown_text and "the engine's own words" not in shown_text


def test_a_terminal_gets_the_count_first_and_nothing_twice() -> None:
    others = [event("delete", MEMBER, f"gone-{number}") for number in range(4)]
    told = text(previewed(read([*RENAMED, *others]), said(("violated", "a", "x"), ("violated", "b", "y")), "refused"))
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    assert lines[0] == "5 to delete, 1 to replace, 1 to create; 3 unchanged"
    assert len(lines) == len({line for line in lines if line != "→ Write it otherwise."}) + 2
    assert all(told.count(f" {step.name}") == 1 for step in read(RENAMED).steps if step.operation == "delete")
    same = said(*(("violated", "a", f"{number}") for number in range(3)))
    for number, finding in enumerate(same["findings"]):
        finding |= {"urn": f"a::{number}", "name": f"bucket-{number}"}
    assert text(previewed(NOTHING, same)).count("→ Write it otherwise.") == 1


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (BUCKET, "bucket"),
        ("gcp:kms/cryptoKey:CryptoKey", "key"),
        ("gcp:secretmanager/regionalSecretVersion:RegionalSecretVersion", "secret"),
        ("gcp:redis/instance:Instance", "database"),
        ("gcp:sql/databaseInstance:DatabaseInstance", "database"),
        ("gcp:firestore/database:Database", "database"),
        ("gcp:bigquery/table:Table", "database"),
        ("gcp:storage/bucketObject:BucketObject", "object"),
        (MEMBER, ""),
        ("gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember", ""),
        ("gcp:redis/instanceIamMember:InstanceIamMember", ""),
        ("gcp:cloudrunv2/service:Service", ""),
    ],
)
def test_what_holds_data_is_known_by_its_type(kind: str, data: str) -> None:
    (step,) = read([event("delete", kind)]).steps
    assert step.data == data and step.destroys


def test_what_the_cloud_keeps_is_not_destroyed() -> None:
    forgotten = read([event("delete", retainOnDelete=True)])
    assert previewed(forgotten).counts == "1 to forget (kept in the cloud); 0 unchanged"
    assert forgotten.destroyed() == [] and (forgotten.counted("forget"), forgotten.counted("delete")) == (1, 0)


def test_a_component_that_is_new_is_one_line_that_counts_its_kinds() -> None:
    new = [holder("create"), event("create"), *(event("create", MEMBER, f"m-{number}") for number in range(4))]
    assert "+ Bucket models: Bucket, 4 BucketIAMMember\n" in text(previewed(read(new)))


def test_secrets_and_what_is_not_known_yet_are_named_as_such() -> None:
    assert shown(SECRET) == "(secret)"
    assert shown({"key": SECRET, "at": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"}) == (
        "{key: (secret), at: (known after up)}"
    )
    assert len(shown("x" * 500)) <= 62


def test_many_of_a_kind_that_come_or_are_let_go_of_are_one_line_and_what_is_destroyed_never() -> None:
    objects = "gcp:storage/bucketObject:BucketObject"
    events = [holder(), *(event("create", objects, f"new-{n}") for n in range(4)), event("create", MEMBER, "one")]
    events += [event("delete", objects, f"old-{n}", retainOnDelete=True) for n in range(4)]
    events += [event("delete", MEMBER, f"gone-{n}") for n in range(4)]
    told = text(previewed(read(events)))
    assert (
        "    + 4 gcp:storage:BucketObject: new-0, new-1, new-2, new-3\n" in told and "+ gcp:storage:BucketO" not in told
    )
    assert "    · 4 gcp:storage:BucketObject: old-0, old-1, old-2, old-3\n" in told
    assert "    + gcp:storage:BucketIAMMember one\n" in told
    assert [f"\n  - gcp:storage:BucketIAMMember gone-{n}\n" in told for n in range(4)] == [True] * 4


def test_long_values_that_begin_the_same_are_shown_from_where_they_differ() -> None:
    place = "projects/orderguard-prod/locations/europe-west1/keyRings/orderguard-prod/cryptoKeys/data"
    assert both(place, f"{place}-2") == ('"…ptoKeys/data"', '"…ptoKeys/data-2"')
    inside = ({"a": [{"key": place}]}, {"a": [{"key": f"{place}-2"}]})
    assert all("ptoKeys/data" in one for one in both(*inside)) and len(set(both(*inside))) == 2
    assert both("a", "b") == ('"a"', '"b"') and both(None, "x" * 99)[0] == "–"
    assert all(len(one) <= LONGEST for one in both("x" * 300, "y" * 300))


def test_what_hangs_on_a_thing_that_is_made_anew_says_so() -> None:
    detail = {"bucket": {"diffKind": "update-replace", "inputDiff": True}}
    told = text(previewed(read([holder(), event("replace", MEMBER, "m", {"bucket": "b"}, {"bucket": "b"}, detail)])))
    assert 'bucket: "b", which is recreated (replaces)' in told


@pytest.mark.parametrize("show", [text, markdown])
def test_the_outputs_of_a_new_stack_are_one_line(show: Any) -> None:
    def outputs(**values: str) -> dict[str, Any]:
        return {"outputs": values}

    new = {"old": outputs(url="a"), "new": outputs(url="b", **{f"o-{number}": "x" for number in range(4)})}
    event = {"resOutputsEvent": {"metadata": {"op": "same", "urn": STACK, "type": "pulumi:pulumi:Stack", **new}}}
    assert "4 new: o-0, o-1, o-2, o-3\n" in (told := show(previewed(read([event])))) and 'url: "a" → "b"' in told


def test_machines_get_the_same() -> None:
    found = json.loads(as_json(previewed(read(RENAMED), said(("violated", "no-public-buckets", "public")), "refused")))
    assert found["counts"] == {"delete": 1, "replace": 1, "update": 0, "import": 0, "create": 1, "forget": 0, "same": 3}
    assert [step["name"] for step in found["destroyed"]] == ["models", "somebody"]
    assert found["destroyed"][0]["data"] == "bucket" and found["destroyed"][0]["protected"]
    assert found["policies"]["summary"]["mandatory"] == 1 and found["refused"]


def test_the_section_has_the_policies_by_rule_and_the_engines_refusal() -> None:
    found = said(("violated", "no-public-buckets", "a | b"), ("undecided", "labels", "x"), ("undecided", "labels", "y"))
    section = markdown(previewed(NOTHING, found, "refused"))
    assert "**0 changes; 0 unchanged**, compared with the base. Policies: 1 violation, 0 advisory" in section
    assert "| `models`<br>gcp:storage:Bucket | `no-public-buckets`<br>high | a / b | Write it otherwise. |" in section
    assert "| `labels` | 2 | `models` |" in section and "Refused" not in section
    assert "Refused:" in markdown(previewed(NOTHING, None, "gcp:region is wrong"))


def test_the_comment_is_our_own_is_updated_in_place_and_fits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commands: list[str] = []

    def run(command: list[str]) -> str:
        commands.append(" ".join(command))
        return "77\n" if "--paginate" in command else ""

    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "preview-prod.md").write_text("x" * 70_000)
    (tmp_path / "reports" / "preview-prod-google-cloud.md").write_text("### `prod` on Google Cloud\n")
    monkeypatch.setattr(comment, "REPOSITORY", tmp_path)
    monkeypatch.setattr(comment, "run", run)
    assert comment.comment("5") == "updated"
    assert 'select(.user.login == "github-actions[bot]")' in commands[0]
    assert "issues/comments/77" in commands[1]
    written = (tmp_path / "reports" / "comment.md").read_text()
    assert written.startswith(comment.MARKER) and "on Google Cloud" in written
    assert len(written) < 65_536 and written.endswith(comment.CUT)


def test_a_preview_of_what_is_deployed_keeps_its_images_by_digest() -> None:
    outputs = {"image": "r/p/orderguard@sha256:ab", "trainer_image": "r/p/orderguard-train@sha256:cd"}
    given = running._images(outputs)
    assert given[1::2] == [
        "orderguard:imageDigest=sha256:ab",
        "orderguard:trainerImageDigest=sha256:cd",
        "orderguard:imageRegistry=r/p",
    ]
    assert running._images({}) == running._images({"image": "r/p/orderguard:tag"}) == []


def test_images_that_up_has_built_are_not_told_as_deleted_where_a_preview_takes_them_by_digest() -> None:
    image = "docker:index/image:Image"
    kept = running._with_built_images(previewed(read([event("delete", image), event("delete", MEMBER)])))
    assert kept.steps.counted("delete") == 1 and "resources of Docker: 1" in kept.notes[0]
    builds = previewed(read([event("delete", image), event("update", image, "other")]))
    assert running._with_built_images(builds) is builds


def test_each_cloud_has_a_report_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(comment, "REPOSITORY", tmp_path)
    places = [comment.write(previewed(NOTHING, cloud=cloud)) for cloud in (LOCAL, GOOGLE_CLOUD)]
    assert [place.name for place in places] == ["preview-prod.md", "preview-prod-google-cloud.md"]


def test_what_a_refresh_would_change_is_a_line_for_each_resource() -> None:
    def after(operation: str, kind: str = BUCKET, detail: Any = None) -> dict[str, Any]:
        return {"resOutputsEvent": event(operation, kind, detail=detail)["resourcePreEvent"]}

    events = [after("update", detail={"labels.team": {"diffKind": "update"}}), after("delete", MEMBER), after("same")]
    assert changed_by_refresh(events) == [f"{BUCKET} models differs in labels.team", f"{MEMBER} models is gone"]


def test_text_of_others_stays_text() -> None:
    section = markdown(previewed(NOTHING, said(("violated", "r", "ask @team | <img src=x>"))))
    assert "ask &#64;team / &lt;img src=x>" in section
    assert markdown(previewed(NOTHING, None, "error\n```\n# not a heading")).count("```") == 2
    renamed = event("replace", name="<b>@team</b>|x", detail={"name": {"diffKind": "update-replace"}})
    assert "&lt;b>&#64;team&lt;/b>/x" in markdown(previewed(read([renamed])))
