"""Staging and prod as a whole, under the real engine on the local cloud; `local` is brought up by tests/e2e."""

import base64
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from data.generator.sample import lines, make_world
from infra.__main__ import platform
from infra.keys import DRAWN
from infra.local.apis.identity import OWNER, identity_token
from infra.local.cloud import Cloud
from infra.local.home import Home
from infra.local.iam import store_token
from infra.local.ports import free_port, straight
from infra.local.pulumi import run
from infra.local.services import kms, secretmanager
from infra.local.services.secretmanager import VERSION
from infra.local.supervisor import client
from infra.local.supervisor.kinds import kind_of
from ml.backfill.manifest import read_manifest
from orderguard.masking import Keyring
from orderguard.model_signature import CHAMPION_SIGNATURE, Promoted, read_signed, signed
from orderguard.model_version import sha256, verify
from tests.compliance.canaries import Forms, Leak, forms_of, leaks, leaks_in_folder
from tests.compliance.canary_routes import FILE_NAMES
from tests.infra.inventories import read_inventory
from tests.infra.recording import ROOT, declare, stack_settings
from tests.local_platform import Platform, copy_of_the_tree, status_through
from tests.serving import END, START

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module", params=["staging", "prod"])
def deployed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, models_dir: Path
) -> Iterator[Platform]:
    """A stack of a copy of this tree, up with the policy pack, serving a small trained model."""
    folder = tmp_path_factory.mktemp(request.param)
    made = Platform(copy_of_the_tree(folder / "tree"), folder / "home", free_port(), request.param)
    with (made.tree / f"Pulumi.{request.param}.yaml").open("a", encoding="utf-8") as file:
        file.write("  orderguard:canarySteps: [10, 100]\n")
        file.write("  orderguard:backfill: true\n" if request.param == "staging" else "")
    for words in (["init", "--quiet"], ["commit", "--quiet", "--allow-empty", "--message", "Begin"]):
        subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *words], cwd=made.tree, check=True
        )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELS_DIR", str(models_dir))
        patch.setenv("ORDERGUARD_COMMIT", COMMIT)
        try:
            done = made.up()
            assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
            yield made
        finally:
            # What prod protects can't be taken down; its processes can.
            client.stop(Cloud(Home(made.home), made.stack))


def test_the_stack_serves_and_a_second_up_changes_nothing(deployed: Platform) -> None:
    status, answer = deployed.get("/readyz")
    assert status == 200, answer
    again = deployed.up()
    assert again.returncode == 0, f"{again.stdout}\n{again.stderr}"
    assert "no resource changes" in again.stdout, again.stdout


def test_nobody_calls_it_without_a_token_of_who_may(deployed: Platform) -> None:
    """Neither stack names an invoker: the owner of the machine may call, and the service's own account may not."""

    def asked(token: str, header: str = "Authorization") -> tuple[int, str]:
        own = {header: f"Bearer {token}"} if token else {}
        request = urllib.request.Request(f"{deployed.url}/readyz", headers=own)
        try:
            with straight().open(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    def token(*words: str) -> str:
        printed = deployed.command("token", *words)
        assert printed.returncode == 0, printed.stderr
        return printed.stdout.strip()

    outside = deployed.stack == "prod"  # behind its load balancer: who comes past it is told nothing
    status, page = asked("")
    told = "The requested URL" if outside else "Your client does not have permission to get URL"
    assert status == (404 if outside else 403) and f"{told} <code>/readyz</code>" in page
    assert asked(token())[0] == asked(token(), "X-Serverless-Authorization")[0] == 200
    assert asked(token("--audience", "https://another.example"))[0] == asked("a-guess")[0] == (404 if outside else 401)
    account = f"orderguard-{deployed.stack}-scorer@orderguard-{deployed.stack}.iam.gserviceaccount.com"
    assert asked(token("--account", account))[0] == (404 if outside else 403)
    assert "There is no service account" in deployed.command("token", "--account", "nobody").stderr
    assert "members with roles/run.invoker, and you by a token" in deployed.command("status").stdout


def test_prod_is_reached_through_its_load_balancer_alone(deployed: Platform) -> None:
    """Past it the service answers nobody but the owner of this machine; Cloud Run asks all the same who calls."""
    cloud, domain = Cloud(Home(deployed.home), deployed.stack), "scoring.example.com"
    balancers = client.request(cloud, {"do": "status"})["balancers"]
    assert len(balancers) == (deployed.stack == "prod")
    for balancer in balancers:
        token = {"Authorization": f"Bearer {identity_token(cloud, OWNER, f'https://{domain}')}"}
        assert status_through(balancer, domain, "/readyz", token) == 200
        assert status_through(balancer, domain, "/readyz", {}) == 403
        canary = {**token, "X-Orderguard-Revision": "canary"}
        assert status_through(balancer, domain, "/readyz", canary) == 404, "there is none at the moment"
        assert sum(" throttle: " in line for line in balancer["rules"]) == 4, "two before each of two backends"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{deployed.url}/readyz", timeout=60)


def test_the_decrypted_state_shows_no_key_and_no_word_that_opens_a_store(deployed: Platform) -> None:
    home = Home(deployed.home)
    state = run(["stack", "export", "--show-secrets"], home=home, stack=deployed.stack).stdout
    cloud = Cloud(home, deployed.stack)
    kept = {
        str(one.inputs["secret"]).rpartition("/")[2].removeprefix(f"orderguard-{deployed.stack}-"): one
        for one in cloud.all(VERSION)
    }
    assert {*DRAWN, "training-key"} <= set(kept) and '"plaintext"' in state
    shown = {name for name, one in kept.items() if any(form in state for form in _forms(one.inputs["secretData"]))}
    assert shown == set()
    stores = [kind_of(path.stem).restored(cloud, path) for path in (cloud.run / "stores").glob("*.json")]
    assert {type(store).__name__ for store in stores} == {"RedisServer", "PostgresServer"}
    words = {store_token(cloud), *(word for store in stores for word in (store.password, store.certificates.key))}
    assert [word[:4] for word in words if any(form in state for form in _forms(word))] == []
    # Nor what the provider would add by itself: of all outputs and inputs none is called after a secret and holds one.
    named = re.findall(r'"(authString|password|privateKey|secretData|token)":\s*("[^"]+"|\{)', state)
    assert named == []


def _forms(text: str) -> set[str]:
    """A value, each key in it, and what these look like in base64."""
    parts = {text, *text.split(","), *(part.partition(":")[2] for part in text.split(","))} - {""}
    return parts | {base64.b64encode(part.encode()).decode().rstrip("=") for part in parts}


def leaks_beside(bucket: Path, deployed: Platform, named: Forms) -> list[Leak]:
    """What is found in the home, but for the bucket's own index of its objects."""
    index = deployed.home / "cloud" / deployed.stack / "objects" / bucket.name
    return [leak for leak in leaks_in_folder(deployed.home, forms=named) if Path(leak.place).parent != index]


def test_orders_that_arrive_start_the_training_job(deployed: Platform, tmp_path: Path) -> None:
    """Staging gets a good file and writes a version that leads back to it; prod gets a broken one and writes none."""
    good = deployed.stack == "staging"
    feed = [line.data for line in lines(make_world(1, 6_000, START, END), 6_000, START, END)]
    orders = tmp_path / FILE_NAMES["e-mail"]
    orders.write_bytes(b"\n".join(feed if good else [line[: len(line) // 2] for line in feed]))
    buckets = deployed.home / "cloud" / deployed.stack / "buckets"
    (raw,), (models,) = buckets.glob("*-raw"), buckets.glob("*-models")
    before = set(models.iterdir())

    put = deployed.command("object-put", raw.name, str(orders))

    assert f"starts job orderguard-{deployed.stack}-trainer" in put.stdout, f"{put.stdout}\n{put.stderr}"
    made = [folder for folder in set(models.iterdir()) - before if folder.is_dir()]
    if good:
        assert put.returncode == 0, put.stdout
        manifest = verify(made[0])
        assert manifest.commit == COMMIT
        assert [(file.position, file.sha256) for file in manifest.data] == [(1, sha256(orders))]
    else:
        assert put.returncode != 0
        assert "failed with code 2" in put.stdout
        assert made == []
    # The file's name stands in the raw bucket, in its folder and its index, and nowhere else: not in the job's log, the
    # version, records or state.
    (raw / orders.name).unlink()
    named = forms_of({"name": orders.name, "who": "vera.canarini@canary-mail.example"})
    assert leaks("printed", (put.stdout + put.stderr).encode(), forms=named) == []
    assert leaks_beside(raw, deployed, named) == []
    # Which version is served stays the stack's decision.
    assert deployed.get("/v1/model")[1]["version"] == "first"


def test_a_backfill_is_launched_from_the_template_and_reads_the_key_as_its_own_account(deployed: Platform) -> None:
    if deployed.stack == "prod":
        assert "The stack prod has no backfills" in delivered(deployed, "backfill").stderr
        return
    buckets = deployed.home / "cloud" / "staging" / "buckets"
    (raw,), (written,) = buckets.glob("*-raw"), buckets.glob("*-backfill")
    orders = raw / FILE_NAMES["e-mail"]
    orders.write_bytes(b"\n".join(line.data for line in lines(make_world(1, 1_000, START, END), 1_000, START, END)))
    done = delivered(deployed, "backfill", OUT="features")
    orders.unlink()
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    manifest = read_manifest(written / "features")
    assert manifest.kind == "features" and manifest.orders > 900
    cloud = Cloud(Home(deployed.home), "staging")
    key = secretmanager.value(cloud, "projects/orderguard-staging/secrets/orderguard-staging-masking-key", "latest")
    assert manifest.request.key == Keyring.from_text(key).fingerprint
    named = forms_of({"name": orders.name, "who": "vera.canarini@canary-mail.example", "key": key})
    assert leaks("printed", (done.stdout + done.stderr).encode(), forms=named) == []
    assert leaks_beside(raw, deployed, named) == []


def test_the_jobs_champion_is_deployed_by_canary_with_no_hand_and_there_is_a_way_back(deployed: Platform) -> None:
    """What the workflow does each hour: prod, whose job has made nothing, has nothing to promote."""
    done = delivered(deployed, "promotion")
    if deployed.stack == "prod":
        assert "nothing to promote: The training job of prod has named no champion yet" in done.stdout
        return
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    champion = next(deployed.home.glob("cloud/staging/buckets/*-models/CHAMPION")).read_text().strip()
    assert "canary: 10 % of the traffic of staging" in done.stdout
    assert deployed.get("/v1/model")[1]["version"] == champion != "first"
    assert "serves the champion of its training job already" in delivered(deployed, "promotion").stdout

    assert "with model first" in delivered(deployed, "go-back").stdout
    assert deployed.get("/v1/model")[1]["version"] == "first"
    assert "is not tried again by itself" in delivered(deployed, "promotion").stdout


def test_a_champion_without_the_jobs_signature_is_not_deployed(deployed: Platform) -> None:
    if deployed.stack == "prod":
        return
    (signature,) = deployed.home.glob("cloud/staging/buckets/*-models/*/signature.json")
    whole = signature.read_bytes()
    signature.write_bytes(whole.replace(b'"signature": "', b'"signature": "MEUC'))
    done = delivered(deployed, "deploy", MODEL="job")
    signature.write_bytes(whole)
    assert done.returncode == 1 and "does not carry the signature of the stack's training job" in done.stderr

    # An older word of the job's own, for a version that it once named.
    named = signature.parents[1] / CHAMPION_SIGNATURE
    newest = named.read_bytes()
    found = read_signed(newest, Promoted)
    before = msgspec.structs.replace(found.statement, promoted_at=found.statement.promoted_at - timedelta(days=1))
    cloud = Cloud(Home(deployed.home), deployed.stack)
    named.write_bytes(signed(before, found.key, kms.sign(cloud, found.key, before.digest())))
    done = delivered(deployed, "promotion")
    named.write_bytes(newest)
    assert done.returncode == 1 and "somebody has put an older one back" in done.stderr, f"{done.stdout}{done.stderr}"


def delivered(deployed: Platform, step: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`python -m delivery STEP` in the stack's tree."""
    own = {"STACK": deployed.stack, "CANARY_MINUTES": "0", "SEED_HISTORIES": "off", **variables}
    command = [sys.executable, "-m", "delivery", step]
    return subprocess.run(
        command, cwd=deployed.tree, env={**deployed.environment, **own}, capture_output=True, text=True
    )


def test_down_takes_staging_and_leaves_prod(deployed: Platform) -> None:
    down = deployed.command("down")
    if deployed.stack == "staging":
        assert down.returncode == 0, f"{down.stdout}\n{down.stderr}"
        assert "no process, port or resource is left" in down.stdout
    else:
        assert down.returncode != 0
        assert "cannot be deleted" in down.stdout + down.stderr


def test_a_preview_with_webhooks_on_passes_the_policies(models: Path, tmp_path: Path) -> None:
    """Prod's alone: without webhooks it was brought up above."""
    chosen = ["--config", "orderguard:hooks=true", "--config", "orderguard:hookShopifySecret=true"]
    arguments = ["preview", "--policy-pack", str(ROOT / "policies"), *chosen]
    done = run(arguments, home=tmp_path / "home", stack="prod")
    assert done.returncode == 0 and "[mandatory]" not in done.stdout, done.stdout
    hooks = declare(lambda: platform(stack_settings("prod", hooks=True, hookShopifySecret=True))).inventory()
    assert "gcp:cloudrunv2/serviceIamMember:ServiceIamMember hooks-invoker" in hooks
    assert len(hooks) > len(read_inventory("prod"))
    assert f"+ {len(hooks) + 1} to create" in done.stdout, "all of it, and the stack itself"


def test_wrong_settings_stop_a_preview_before_any_resource(models: Path, tmp_path: Path) -> None:
    done = run(["preview", "--config", "orderguard:minInstances=9"], home=tmp_path / "home", stack="local")
    assert done.returncode != 0
    assert "orderguard:minInstances is above orderguard:maxInstances" in done.stdout
    assert "gcp:" not in done.stdout.partition("Diagnostics:")[0]
