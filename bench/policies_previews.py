"""Previews of a generic program with the policy pack, with an empty pack and with none, under the real engine, in
turns; what each took, by process.
"""

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench.preview import empty_pack
from bench.processes import MARK, Watch
from infra.local.pulumi import run
from policies.options import VARIABLE

PACK = Path(__file__).resolve().parent.parent / "policies"
COUNTS, ROUNDS = (0, 100, 300, 1_000), 3
_KINDS = {
    "pulumi preview": "engine",
    "pulumi-language-python-exec": "program",
    "infra.local.fork_server": "provider",
    "-m pulumi.policy": "pack",
}
_COLUMNS = ("engine", "program", "provider", "pack")

# Eight kinds of resources, each with texts of its own: what is the same everywhere would be read from a cache.
PROGRAM = """\
import pulumi_gcp as gcp

REPLICATION = {"user_managed": {"replicas": [{"location": "europe-west1"}]}}


def bucket(number):
    gcp.storage.Bucket(
        f"bucket-{number}", name=f"shop-{number}", location="EU", uniform_bucket_level_access=True,
        public_access_prevention="enforced", versioning={"enabled": True}, labels={"team": f"team-{number % 7}"},
    )


def account(number):
    gcp.serviceaccount.Account(f"account-{number}", account_id=f"account-{number}")


def topic(number):
    gcp.pubsub.Topic(f"topic-{number}", name=f"topic-{number}")


def grant(number):
    gcp.projects.IAMMember(
        f"grant-{number}", project="shop-dev", role="roles/run.invoker",
        member=f"serviceAccount:a{number}@shop-dev.iam.gserviceaccount.com",
    )


def service(number):
    variables = {
        "BUCKET": f"gs://shop-{number}", "LOG_LEVEL": "info", "DATABASE_HOST": f"10.1.2.{number % 250}",
        "TOPIC": f"projects/shop-dev/topics/topic-{number}",
    }
    container = {
        "image": f"europe-west1-docker.pkg.dev/shop-dev/images/service-{number}@sha256:{number:064x}",
        "envs": [{"name": name, "value": value} for name, value in variables.items()],
        "resources": {"limits": {"cpu": "1", "memory": "512Mi"}}, "startup_probe": {"http_get": {"path": "/healthz"}},
        "liveness_probe": {"http_get": {"path": "/healthz"}},
    }
    gcp.cloudrunv2.Service(
        f"service-{number}", name=f"service-{number}", location="europe-west1", scaling={"max_instance_count": 4},
        template={
            "service_account": f"account-{number}@shop-dev.iam.gserviceaccount.com", "containers": [container],
            "execution_environment": "EXECUTION_ENVIRONMENT_GEN2",
        },
    )


def firewall(number):
    gcp.compute.Firewall(
        f"firewall-{number}", name=f"firewall-{number}", network="shop", source_ranges=[f"10.{number % 250}.0.0/16"],
        allows=[{"protocol": "tcp", "ports": ["443"]}],
    )


def secret(number):
    gcp.secretmanager.Secret(f"secret-{number}", secret_id=f"secret-{number}", replication=REPLICATION)


def subnet(number):
    gcp.compute.Subnetwork(
        f"subnet-{number}", name=f"subnet-{number}", network="shop", region="europe-west1",
        ip_cidr_range=f"10.{number % 250}.{number // 250}.0/24", private_ip_google_access=True,
    )


KINDS = (bucket, account, topic, grant, service, firewall, secret, subnet)
for number in range(COUNT):
    KINDS[number % len(KINDS)](number)
"""


class Took(NamedTuple):
    """Elapsed seconds, then processor seconds: of each process, and of all."""

    elapsed: float
    engine: float
    program: float
    provider: float
    pack: float
    all: float


Key = tuple[int, str]


def measure() -> dict[str, dict[str, float]]:
    """Print the medians of all runs and what follows from them; the medians."""
    with tempfile.TemporaryDirectory(prefix="orderguard-bench-") as folder:
        packs = {"no pack": [], "an empty pack": [empty_pack(Path(folder) / "empty")], "the pack": [PACK]}
        runs: dict[Key, list[Took]] = {}
        for turn in range(ROUNDS):
            for count in COUNTS:
                for name, used in packs.items():
                    project = _project(Path(folder) / f"many-{count}", count)
                    runs.setdefault((count, name), []).append(
                        _preview(Path(folder) / "home", project, used, f"{turn}-{count}-{name}")
                    )
    medians = {key: Took(*(statistics.median(column) for column in zip(*took))) for key, took in runs.items()}
    _show(medians)
    return {f"{count}, {name}": took._asdict() for (count, name), took in medians.items()}


def _show(medians: dict[Key, Took]) -> None:
    print(
        f"    {'resources':>9} {'with':14} {'elapsed':>8}   processor:"
        + "".join(f"{c:>10}" for c in (*_COLUMNS, "all"))
    )
    for (count, name), took in medians.items():
        print(
            f"    {count:9} {name:14} {took.elapsed:8.2f} {'':13}" + "".join(f"{seconds:10.2f}" for seconds in took[1:])
        )
    most = COUNTS[-1]
    engine = medians[most, "no pack"].engine - medians[0, "no pack"].engine
    pack = medians[most, "the pack"].pack - medians[0, "the pack"].pack
    whole = medians[most, "no pack"].all - medians[0, "no pack"].all
    for name in ("an empty pack", "the pack"):
        added = medians[most, name].all - medians[most, "no pack"].all
        print(
            f"    {name} adds {added:.2f} s to {whole:.2f} s of all processes at {most} resources, its start included"
        )
    print(
        f"    on {most} resources the engine's process works {engine:.2f} s, the pack's {pack:.2f}: {pack / engine:.2f}"
    )
    works = {count: medians[count, "the pack"].pack for count in COUNTS}
    steps = [
        f"{(works[to] - works[since]) / (to - since) * 1e3:.2f} ms from {since} to {to}"
        for since, to in zip(COUNTS[1:], COUNTS[2:], strict=False)
    ]
    print(f"    the pack's process, a further resource: {', '.join(steps)}")


def _preview(home: Path, project: Path, packs: Sequence[Path], name: str) -> Took:
    arguments = [part for pack in packs for part in ("--policy-pack", str(pack))]
    begun = time.perf_counter()
    with Watch(name, _KINDS) as watch:
        extra = {MARK: name, VARIABLE: "--profile generic"}
        done = run(["preview", *arguments], home=home, stack="dev", project=project, extra=extra)
    elapsed = time.perf_counter() - begun
    if done.returncode:
        raise SystemExit(f"the preview of {project} did not run:\n{done.stdout[-2_000:]}")
    engine, program, provider, pack = (watch.seconds.get(kind, 0.0) for kind in _COLUMNS)
    return Took(elapsed, engine, program, provider, pack, sum(watch.seconds.values()))


def _project(folder: Path, count: int) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "Pulumi.yaml").write_text(f"name: {folder.name}\nruntime: python\n")
    (folder / "Pulumi.dev.yaml").write_text("config: {gcp:project: shop-dev, gcp:region: europe-west1}\n")
    (folder / "__main__.py").write_text(PROGRAM.replace("COUNT", str(count)))
    return folder
