"""Anybody's program: what is read of a project, what stands in, what is refused, and a stranger's way from a wheel."""

import ast
import json
import os
import signal
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.local import pulumi
from infra.local.cloud import Cloud, Record
from infra.local.errors import LocalCloudError
from infra.local.home import Home
from infra.local.image import instructions
from infra.local.packages import installed_by
from infra.local.programs import python, running
from infra.local.programs.cli import main
from infra.local.programs.project import Project, home_of, read_project, stack_of
from infra.local.provider.resource import Place
from infra.local.refusals.parents import Parents
from orderguard.version import VERSION

OBJECT = "gcp:storage/bucketObject:BucketObject"
REPOSITORY = Path(__file__).resolve().parents[2]


def project_at(folder: Path, content: str = "name: mine\nruntime: python\n") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Pulumi.yaml").write_text(content)
    return folder


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "contains no Pulumi.yaml.*--project DIR"),
        ("runtime: python\n", "has no `name`"),
        ("name: x\n", "has no `runtime`"),
        ("name: ${PROJECT}\nruntime: python\n", "is a template.*pulumi new"),
        ("name: x\nruntime: {name: nodejs}\n", "runtime: nodejs.*programs in Python"),
        ("name: x\nruntime: yaml\n", "runtime: yaml.*programs in Python"),
        ("name: [\n", "is not YAML"),
    ],
)
def test_a_project_that_cannot_run_is_told_why_and_what_to_do(tmp_path: Path, content: str | None, says: str) -> None:
    if content is not None:
        project_at(tmp_path, content)
    with pytest.raises(LocalCloudError, match=says):
        read_project(tmp_path)
    assert main(["up", "--project", str(tmp_path)]) == 2


def test_a_home_is_named_by_the_project_and_its_place(tmp_path: Path) -> None:
    one, other = (read_project(project_at(tmp_path / name)) for name in ("a", "b"))
    variables = {"HOME": str(tmp_path)}
    assert home_of(one, variables).root.parent == tmp_path / ".local" / "share" / "orderguard-cloud"
    assert home_of(one, variables).root.name.startswith("mine-")
    assert home_of(one, variables) != home_of(other, variables)
    assert home_of(one, {"ORDERGUARD_CLOUD_HOME": str(tmp_path / "h")}) == Home(tmp_path / "h")


def test_the_stack_is_the_one_that_has_a_file_of_settings(tmp_path: Path) -> None:
    project = read_project(project_at(tmp_path))
    assert stack_of(project, None) == "local"
    (tmp_path / "Pulumi.staging.yaml").write_text("config: {}\n")
    assert (stack_of(project, None), stack_of(project, "prod")) == ("staging", "prod")
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    assert stack_of(project, None) == "local"


def test_what_the_project_leaves_open_stands_in_and_what_it_says_holds(tmp_path: Path) -> None:
    template = "template: {config: {path: {default: ./www}, port: {description: none}}}\n"
    project = read_project(
        project_at(tmp_path, f"name: mine\nruntime: python\nconfig: {{gcp:zone: a-zone}}\n{template}")
    )
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {gcp:project: theirs}\n")
    assert running.settle(project, Home(tmp_path / "home"), "dev", ["depth=3"]) == [
        "gcp:region = us-central1",
        "mine:path = ./www",
    ]
    with pytest.raises(LocalCloudError, match="KEY=VALUE"):
        running.settle(project, Home(tmp_path / "home"), "dev", ["depth"])


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("^1.2.3", "x>=1.2.3,<2"),
        ("^0.4", "x>=0.4,<0.5"),
        ("~3.1.4", "x>=3.1.4,<3.2"),
        (">=3,<4", "x>=3,<4"),
        ("3.0", "x==3.0"),
        ("*", "x"),
        ({"version": "^6", "extras": ["a", "b"]}, "x[a,b]>=6,<7"),
    ],
)
def test_constraints_of_poetry_are_those_that_pip_knows(asked: Any, wanted: str) -> None:
    assert python._of_poetry("x", asked) == wanted


def test_a_program_runs_in_its_own_environment(tmp_path: Path) -> None:
    for name in ("env", ".venv"):
        (tmp_path / name / "bin").mkdir(parents=True)
        (tmp_path / name / "bin" / "python").symlink_to(sys.executable)
    plain = Project(tmp_path, "mine")
    assert python.interpreter(plain) == tmp_path / ".venv" / "bin" / "python"
    assert python.interpreter(Project(tmp_path, "mine", {"virtualenv": "env"})).parts[-3] == "env"


def test_packages_that_cannot_be_had_are_told_with_the_installers_words(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("./not-here\n")
    with pytest.raises(LocalCloudError, match="could not be installed(.|\n)*not-here(.|\n)*python -m venv"):
        python.interpreter(Project(tmp_path, "mine"), {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")})


def test_a_secret_of_another_passphrase_gets_a_hint(tmp_path: Path) -> None:
    project_at(tmp_path)
    (tmp_path / "Pulumi.dev.yaml").write_text("encryptionsalt: v1:x\nconfig: {mine:token: {secure: v1:a:b}}\n")
    with pytest.raises(
        LocalCloudError, match="mine:token encrypted with a passphrase.*orderguard-cloud secret mine:token"
    ):
        pulumi.prepare(["preview"], Home(tmp_path / "home"), "dev", tmp_path, {})


def test_a_cloud_is_one_projects(tmp_path: Path) -> None:
    cloud = Cloud(Home(tmp_path), "dev")
    cloud.root.mkdir(parents=True)
    (cloud.root / "project").write_text("theirs\n")
    pulumi.require_own(cloud.home, "dev", "theirs")
    with pytest.raises(LocalCloudError, match="cloud of the project 'theirs', not of 'mine'.*LOCAL_CLOUD_HOME"):
        pulumi.require_own(cloud.home, "dev", "mine")


def test_what_is_protected_is_named_with_what_lifts_it() -> None:
    urn = "urn:pulumi:dev::mine::gcp:storage/bucket:Bucket::"
    told = running.protected(
        [
            {"urn": f"{urn}a", "type": "gcp:storage/bucket:Bucket", "protect": True},
            {"urn": f"{urn}b", "type": "gcp:sql/x:X", "outputs": {"deletionProtection": True}},
            {"urn": f"{urn}c", "type": "gcp:sql/x:X", "outputs": {"deletionProtection": True}, "retainOnDelete": True},
            {"urn": f"{urn}d", "type": "gcp:sql/x:X", "outputs": {"deletionProtection": False}},
        ]
    )
    assert ["'a'" in told[0] and "protect=True" in told[0], "deletion_protection=False" in told[1]] == [True, True]
    assert len(told) == 2


@pytest.mark.parametrize(
    ("told", "hint"),
    [
        ("error: no resource plugin 'pulumi-resource-aws' found", "--provider aws"),
        ("Missing required configuration variable 'mine:domain'", "--config mine:domain=VALUE"),
        ("ModuleNotFoundError: No module named 'twilio'", "requirements.txt"),
    ],
)
def test_an_error_of_the_engine_or_the_program_comes_with_a_way_out(told: str, hint: str) -> None:
    assert hint in running.hints(told)[0]


def test_a_policy_pack_is_found_from_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    assert running.packs(["policies"]) == ["--policy-pack", str(REPOSITORY / "policies")]
    assert pulumi._absolute(["preview", "--policy-pack", "policies"], tmp_path)[2] == str(REPOSITORY / "policies")
    with pytest.raises(LocalCloudError, match="PulumiPolicy.yaml"):
        running.packs([str(tmp_path)])


PROGRAM = """
import pulumi
import pulumi_docker as docker
import pulumi_gcp as gcp

bucket = gcp.storage.Bucket("raw", location="EU", force_destroy=True)
note = gcp.storage.BucketObject("note", bucket=bucket.name, name="note.txt", content="hello")
text = gcp.storage.get_bucket_object_content_output(bucket=note.bucket, name=note.name)
images = gcp.artifactregistry.Repository("images", repository_id="images", format="DOCKER", location="us-central1")
name = pulumi.Output.concat("us-central1-docker.pkg.dev/", images.project, "/", images.repository_id, "/web:1")
image = docker.Image("web", image_name=name, build={"context": ".", "dockerfile": "Dockerfile"})
service = gcp.cloudrunv2.Service(
    "web", location="us-central1", deletion_protection=False, template={"containers": [{"image": image.repo_digest}]}
)
pulumi.export("text", text.content)
pulumi.export("url", service.uri)
"""


@pytest.fixture
def stranger(tmp_path: Path, context_folder: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """The command of the wheel, unpacked far from this repository, for two projects beside each other."""
    subprocess.run(
        [sys.executable, REPOSITORY / "packages/cloud/backend.py", tmp_path], check=True, capture_output=True
    )
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "site")
    runtime = f"runtime: {{name: python, options: {{virtualenv: '{sys.prefix}'}}}}\n"
    for name in ("first", "second"):
        folder = project_at(tmp_path / name, f"name: {name}\n{runtime}")
        (folder / "__main__.py").write_text(PROGRAM)
        for file in ("server.py", "Dockerfile"):
            (folder / file).write_bytes((context_folder / file).read_bytes())
    own = {"XDG_DATA_HOME": str(tmp_path / "data"), "PYTHONPATH": str(tmp_path / "site")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LOCAL_CLOUD_", "PULUMI_"))}

    def run(*words: str, project: str = "first") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "orderguard_cloud", *words, "--project", project],
            cwd=tmp_path,
            env={**kept, **own},
            capture_output=True,
            text=True,
        )

    return run


def test_a_stranger_brings_a_program_up_from_the_wheel_and_loses_nothing(
    stranger: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> None:
    up = stranger("up")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "text                 hello" in up.stdout and "gcp:project = local-project stands in" in up.stdout

    other = stranger("down", project="second")
    assert other.returncode == 0 and "nothing to take down" in other.stdout, other.stdout + other.stderr
    found = json.loads(stranger("status", "--json").stdout)
    assert (found["lost"], found["stopped"], found["silent"]) == ([], [], [])

    os.kill(int(found["supervisor"]), signal.SIGKILL)
    dead = stranger("status")
    assert dead.returncode == 1 and "stopped: the service" in dead.stdout and "fix it" in dead.stdout
    again = stranger("up")
    assert again.returncode == 0 and "started the services again" in again.stdout, again.stdout + again.stderr
    assert "no resource changes" in again.stdout
    down = stranger("down")
    assert down.returncode == 0, down.stdout + down.stderr
    assert not (next((tmp_path / "data" / "orderguard-cloud").glob("first-*")) / "cloud" / "local").exists()


def test_the_wheel_needs_nothing_of_the_repository(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, REPOSITORY / "packages/cloud/backend.py", tmp_path], check=True, capture_output=True
    )
    described = tomllib.loads((REPOSITORY / "packages/cloud/pyproject.toml").read_text())["project"]
    named = {"pyyaml": "yaml", "protobuf": "google", "grpcio": "grpc", "pyjwt": "jwt"}
    declared = {one.partition(">")[0] for one in described["dependencies"]}
    allowed = {
        "orderguard_cloud",
        *(named.get(one, one.replace("-", "_")) for one in declared),
        *sys.stdlib_module_names,
    }
    with zipfile.ZipFile(tmp_path / f"orderguard_cloud-{VERSION}-py3-none-any.whl") as wheel:
        sources = {name: wheel.read(name) for name in wheel.namelist() if name.endswith(".py")}
    foreign = set()
    for name, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                foreign |= {(name, one.name.split(".")[0]) for one in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                foreign.add((name, node.module.split(".")[0]))
    assert {(name, word) for name, word in foreign if word not in allowed} == set()
    assert not [name for name, source in sources.items() if b"infra.local" in source]


def test_what_one_provider_of_a_program_plans_the_others_know(cloud: Cloud) -> None:
    """A program may have several providers, each in a process of its own."""
    one, other = Parents(cloud), Parents(cloud)
    place = Place(project="p", number="1", region="", urn="", type=OBJECT)
    wanted = {"bucket": "raw"}
    assert list(other.missing(OBJECT, wanted, place, planning=False))
    one.note_planned("gcp:storage/bucket:Bucket", {"name": "raw"})
    assert not list(other.missing(OBJECT, wanted, place, planning=False))


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ("RUN pip install --no-cache-dir -r requirements.txt", ["-r", "{context}/requirements.txt"]),
        ("RUN apt-get update && python3 -m pip install -U pip flask==3.1", ["flask==3.1"]),
        (
            "RUN pip3 install \\\n  -r /srv/requirements.txt \\\n  'uvicorn[standard]>=0.3'",
            ["-r", "{context}/requirements.txt", "uvicorn[standard]>=0.3"],
        ),
        ("RUN uv pip install --system --index-url https://x.example/ .", ["{context}"]),
        ("RUN npm install express", []),
    ],
)
def test_what_an_image_installs_by_pip_is_read_of_its_dockerfile(tmp_path: Path, lines: str, wanted: list[str]) -> None:
    (tmp_path / "requirements.txt").write_text("flask\n")
    words, files = installed_by(instructions(f"FROM python:3.12\n{lines}\n"), tmp_path)
    assert words == [word.replace("{context}", str(tmp_path)) for word in wanted]
    assert files == ([tmp_path / "requirements.txt"] if "-r" in wanted else [])


def test_what_an_older_sdk_calls_by_a_former_name_is_not_lost(tmp_path: Path) -> None:
    cloud = Cloud(Home(tmp_path), "s")
    cloud.put(Record("gcp:serviceaccount/account:Account", "a", "urn", "enforced", "", "", {}, {}))
    former = {"type": "gcp:serviceAccount/account:Account", "custom": True}
    assert running.lost([{**former, "id": "a"}, {**former, "id": "b"}], cloud) == [f"{former['type']} b"]
