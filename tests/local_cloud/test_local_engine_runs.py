"""Small programs under the real engine: what `up` makes, keeps, refuses, replaces, heals and takes down."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from infra.local import pulumi
from infra.local.apis.identity import owner_headers
from infra.local.commands.engine_run import heal_state
from infra.local.engine import environment
from infra.local.errors import LocalCloudError
from infra.local.home import LAUNCH, RELAY, REPOSITORY
from infra.local.run_program import DEBUG
from infra.local.services.docker import manifest
from infra.local.supervisor import client

STORAGE = """
bucket = gcp.storage.Bucket("raw", location="EU", force_destroy=True, labels={"team": "orders"})
gcp.storage.BucketObject("note", bucket=bucket.name, name="a/note.txt", content="hello")
key = gcp.secretmanager.Secret("key", secret_id="key", replication={"auto": {}})
version = gcp.secretmanager.SecretVersion("key", secret=key.id, secret_data=pulumi.Output.secret("the-secret-value"))
pulumi.export("bucket", bucket.name)
pulumi.export("version", version.name)
pulumi.export("number", gcp.organizations.get_project().number)
"""

PLATFORM = STORAGE + """
import pulumi_docker as docker
account = gcp.serviceaccount.Account("scorer")
images = gcp.artifactregistry.Repository("images", repository_id="images", format="DOCKER", location="europe-west1")
image = docker.Image(
    "web",
    image_name=pulumi.Output.concat(images.registry_uri, "/web:1"),
    build={"context": ".", "dockerfile": "Dockerfile"},
)
rights = [
    gcp.storage.BucketIAMMember("r", bucket=bucket.name, role="roles/storage.objectViewer", member=account.member),
    gcp.artifactregistry.RepositoryIamMember(
        "r",
        repository=images.repository_id,
        location="europe-west1",
        role="roles/artifactregistry.reader",
        member=account.member,
    ),
]
if not pulumi.Config().get_bool("forget"):
    rights.append(gcp.secretmanager.SecretIamMember(
        "r", secret_id=key.secret_id, role="roles/secretmanager.secretAccessor", member=account.member
    ))
service = gcp.cloudrunv2.Service(
    "web",
    name="web",
    location="europe-west1",
    deletion_protection=pulumi.Config().get_bool("protect") or False,
    template={
        "service_account": account.email,
        "volumes": [{"name": "raw", "gcs": {"bucket": bucket.name, "read_only": True}}],
        "containers": [{
            "image": image.repo_digest,
            "volume_mounts": [{"name": "raw", "mount_path": "/mnt/raw"}],
            "envs": [
                {"name": "FOLDER", "value": "/mnt/raw/a"},
                {"name": "GREETING", "value": pulumi.Config().get("greeting") or "hello"},
                {"name": "KEY", "value_source": {"secret_key_ref": {"secret": key.secret_id, "version": "latest"}}},
            ],
        }],
    },
    opts=pulumi.ResourceOptions(depends_on=[version, *rights]),
)
pulumi.export("url", service.uri)
"""


def outputs(program: Any) -> dict[str, Any]:
    code, text = program.run("stack", "output", "--json")
    assert code == 0, text
    found: dict[str, Any] = json.loads(text)
    return found


def get(program: Any, url: str) -> dict[str, str]:
    own = owner_headers(program.cloud, url)
    with urllib.request.urlopen(urllib.request.Request(url, headers=own), timeout=60) as answer:
        return dict(zip(("revision", "service", "greeting", "key", "folder"), answer.read().decode().split("|")))


def test_up_makes_what_is_real_and_a_second_up_changes_nothing(program: Any) -> None:
    settings = (program.folder / "Pulumi.test.yaml").read_text()
    program.write(STORAGE)
    code, text = program.run("up", "--yes", "--skip-preview")
    assert code == 0, text
    assert (program.folder / "Pulumi.test.yaml").read_text() == settings
    made = outputs(program)
    assert re.fullmatch(r"raw-[0-9a-f]{7}", made["bucket"])
    assert re.fullmatch(rf"projects/{made['number']}/secrets/key/versions/1", made["version"])
    assert (program.cloud.bucket(made["bucket"]) / "a" / "note.txt").read_text() == "hello"
    assert "the-secret-value" not in program.state()
    code, text = program.run("up", "--yes", "--refresh", "--expect-no-changes")
    assert code == 0, text


def test_what_was_removed_behind_the_engines_back_is_made_again(program: Any) -> None:
    program.write(STORAGE)
    program.run("up", "--yes", "--skip-preview")
    note = program.cloud.bucket(outputs(program)["bucket"]) / "a" / "note.txt"
    note.write_text("changed by hand")
    assert program.run("up", "--yes", "--skip-preview", "--refresh")[0] == 0
    assert note.read_text() == "hello"
    assert program.run("destroy", "--yes", "--skip-preview")[0] == 0
    assert list(program.cloud.all()) == []
    assert list((program.cloud.root / "buckets").iterdir()) == []


def test_images_whose_names_were_lost_are_pushed_again(program: Any) -> None:
    program.write("""
import pulumi_docker as docker
image = docker.Image("web", image_name="web:1", build={"context": ".", "dockerfile": "Dockerfile"})
tag = docker.Tag("web", source_image=image.image_name, target_image="web:2")
docker.RegistryImage("web", name=tag.target_image)
pulumi.export("digest", image.repo_digest)
""")
    assert program.run("up", "--yes", "--skip-preview")[0] == 0
    digest = outputs(program)["digest"]
    (program.cloud.images / "tags.json").write_bytes(b"")
    code, text = program.run("up", "--yes", "--refresh")
    assert code == 0, text
    assert [manifest(program.cloud, name) for name in ("web:1", "web:2")] == [manifest(program.cloud, digest)] * 2
    assert "4 unchanged" in program.run("up", "--yes", "--refresh")[1]


def test_a_damaged_state_is_replaced_by_its_backup_or_named(program: Any) -> None:
    program.write(STORAGE)
    assert program.run("up", "--yes", "--skip-preview")[0] == 0
    [state] = (program.home.state / ".pulumi" / "stacks").glob("*/test.json")
    whole = environment(program.home, stack="test")
    os.truncate(state, 100)
    healed = heal_state(program.home, "test", whole, project=program.folder)
    assert "took the engine's backup of its state, which was damaged" in healed
    code, text = program.run("up", "--yes", "--refresh")
    assert code == 0, text
    os.truncate(state, 100)
    state.with_name("test.json.bak").unlink()
    with pytest.raises(LocalCloudError, match=rf"(?s){state}.*Remove the file"):
        heal_state(program.home, "test", whole, project=program.folder)
    state.unlink()
    code, text = program.run("up", "--yes", "--refresh")
    assert code == 0, text
    assert (program.cloud.bucket(outputs(program)["bucket"]) / "a" / "note.txt").read_text() == "hello"


def test_a_service_runs_with_its_secret_and_its_mount_and_is_gone_after_destroy(program: Any) -> None:
    program.write(PLATFORM)
    code, text = program.run("up", "--yes")
    assert code == 0, text
    url = outputs(program)["url"]
    first = get(program, url)
    assert (first["service"], first["key"], first["greeting"]) == ("web", "the-secret-value", "hello")
    assert (Path(first["folder"]) / "note.txt").read_text() == "hello"
    assert program.run("up", "--yes", "--skip-preview", "--config", "small:greeting=welcome")[0] == 0
    second = get(program, url)
    assert second["greeting"] == "welcome"
    assert second["revision"] != first["revision"]
    assert program.run("destroy", "--yes", "--skip-preview")[0] == 0
    assert client.running(program.cloud) is None
    with pytest.raises(OSError):
        get(program, url)


def test_a_forgotten_binding_stops_the_revision_and_leaves_nothing_running(program: Any) -> None:
    program.write(PLATFORM)
    code, text = program.run("up", "--yes", "--skip-preview", "--config", "small:forget=true")
    assert code != 0
    assert "Permission denied on secret" in text
    assert "roles/secretmanager.secretAccessor" in text
    assert client.running(program.cloud) is None


def test_a_protected_service_is_not_destroyed(program: Any) -> None:
    program.write(PLATFORM)
    assert program.run("up", "--yes", "--skip-preview", "--config", "small:protect=true")[0] == 0
    code, text = program.run("destroy", "--yes", "--skip-preview")
    assert code != 0
    assert "cannot destroy service without setting deletion_protection=false" in text
    program.write(PLATFORM)
    assert program.run("up", "--yes", "--skip-preview", "--config", "small:protect=false")[0] == 0
    assert program.run("destroy", "--yes", "--skip-preview")[0] == 0


def test_a_mistake_is_found_in_preview_and_names_resource_and_property(program: Any) -> None:
    program.write('gcp.storage.Bucket("raw", location="EU", name="Not-A-Name")\n')
    code, text = program.run("preview")
    assert code != 0
    assert "Invalid bucket name: 'Not-A-Name'" in text
    assert "'raw.name'" in text
    assert not program.cloud.root.exists()


def test_an_unknown_type_is_an_error_that_names_it(program: Any) -> None:
    program.write('pulumi.CustomResource("gcp:sql/database-engine:DatabaseEngine", "db")\n')
    code, text = program.run("preview")
    assert code != 0
    assert "gcp:sql/database-engine:DatabaseEngine" in text and "is no resource type of the gcp SDK" in text


def test_plugins_end_with_a_killed_engine(program: Any, wait_until: Any) -> None:
    program.write("import time; time.sleep(600)")
    whole = environment(program.home, stack="test")
    command, folder = pulumi.prepare(["preview"], program.home, "test", program.folder, whole)
    with subprocess.Popen(command, cwd=folder, env=whole, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT) as run:
        mark = f"LOCAL_CLOUD_HOME={program.home.root}".encode()
        wait_until(lambda: len(_with_variable(mark)) >= 3, 120.0)
        run.kill()
    wait_until(lambda: not _with_variable(mark))


def test_a_plugin_ends_with_the_engine_that_reads_its_output_whoever_its_parent_is_by_then(program: Any) -> None:
    """As when the engine is killed while the plugin is only starting: no change of the parent can be seen then."""
    program.home.ensure()
    variables = {**os.environ, "LOCAL_CLOUD_HOME": str(program.home.root), "LOCAL_CLOUD_STACK": "test"}
    for script, plugin, code in (
        ([LAUNCH], ["infra.local.language_host"], -signal.SIGKILL),
        (["-IS", RELAY], ["infra.local.provider", "gcp"], 1),
    ):
        command = [sys.executable, *map(str, script), *plugin]
        with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, start_new_session=True) as run:
            assert run.stdout and int(run.stdout.readline())
            run.stdout.close()
            try:
                assert run.wait(60) == code
            finally:
                run.kill()


def test_a_plugin_is_a_fork_that_ends_with_the_process_in_whose_place_it_runs(program: Any, wait_until: Any) -> None:
    """Where no fork server can be had, it runs in that process."""
    program.home.ensure()
    mark = f"LOCAL_CLOUD_HOME={program.home.root}".encode()
    variables = {**os.environ, "LOCAL_CLOUD_HOME": str(program.home.root), "LOCAL_CLOUD_STACK": "test"}
    command = [sys.executable, "-IS", str(RELAY), "infra.local.provider", "gcp"]
    for forked in (True, False):
        if not forked:
            shutil.rmtree(program.home.plugins)
        before = set(_with_variable(mark))
        with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, start_new_session=True) as run:
            assert run.stdout and int(run.stdout.readline())
            more = set(_with_variable(mark)) - before
            assert str(run.pid) in more and len(more) == (3 if forked else 1), "itself, the fork and its server"
            run.kill()
        wait_until(lambda: len(more & set(_with_variable(mark))) <= forked)


ENGINE_RUN = """
import sys
from pathlib import Path

from infra.local.commands import engine_run
from infra.local.engine import environment
from infra.local.home import Home

home, project = Home(Path(sys.argv[1])), Path(sys.argv[2])
silent = ["preview", "--suppress-progress"]  # an engine that writes to a closed pipe would end by that
told = engine_run.Transcript(everything=False)
engine_run.engine(silent, home, "test", environment(home, stack="test"), told, project)
"""


def test_no_engine_outlives_the_command_that_holds_the_stack(program: Any, wait_until: Any) -> None:
    """Its lock is free once it is killed: the next command would work on the same state beside that engine."""
    program.write("import time; time.sleep(60)")
    arguments = [sys.executable, "-c", ENGINE_RUN, str(program.home.root), str(program.folder)]
    with subprocess.Popen(arguments, cwd=REPOSITORY, stdout=subprocess.DEVNULL) as run:
        mark = f"LOCAL_CLOUD_HOME={program.home.root}".encode()
        wait_until(lambda: len(_with_variable(mark)) >= 3, 30.0)
        run.kill()
    wait_until(lambda: not _with_variable(mark), 10.0)


def _with_variable(mark: bytes) -> list[str]:
    """The processes that have this environment variable."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
        except OSError:
            continue
    return found


RUNNER_THAT_TELLS = """
import gc, json, pulumi, sys
print(json.dumps([__name__, sys.argv, sys.path[0], gc.get_threshold()[0], pulumi.log.debug.__module__]))
"""


def test_a_program_runs_as_by_the_engines_runner_without_messages_that_nobody_sees(tmp_path: Path) -> None:
    runner = tmp_path / "runner"
    runner.write_text(RUNNER_THAT_TELLS)
    command = [sys.executable, str(LAUNCH.with_name("run_program.py")), str(runner), "--stack", "test"]
    for debug in ("", "1"):
        done = subprocess.run(command, env={**os.environ, DEBUG: debug}, capture_output=True, text=True, check=True)
        told = json.loads(done.stdout.splitlines()[-1])
        tells_the_engine = "pulumi.log" if debug else "__main__"
        assert told == ["__main__", [str(runner), "--stack", "test"], str(tmp_path), 50_000, tells_the_engine]
