"""Cloud Run: a service is supervised processes behind one URL, a job a command that is run when it is asked for."""

import os
from collections.abc import Mapping
from typing import Any

from infra.local.cloud import Cloud
from infra.local.ports import free_port
from infra.local.provider.access import triple
from infra.local.provider.resource import Place, Refused, Resource, Values
from infra.local.provider.rules import Inputs
from infra.local.run_checks import JOB_REFUSALS, REFUSALS
from infra.local.run_rights import missing
from infra.local.services import docker
from infra.local.supervisor import client

SERVICE = "gcp:cloudrunv2/service:Service"
JOB = "gcp:cloudrunv2/job:Job"
PORT_VARIABLE = "LOCAL_CLOUD_PORT"
"""The port of the stack's first service; a free one where it is not set."""

LATEST = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
_TRAFFIC = (LATEST, "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION")


def _protected(what: str) -> Any:
    def refuse(cloud: Cloud, old: Values) -> None:
        if old.get("deletionProtection"):
            raise Refused(
                f"cannot destroy {what} without setting deletion_protection=false and running `terraform apply` (here:"
                " set deletionProtection to false and run `up`)"
            )

    return refuse


_protect_service = _protected("service")
_protect_job = _protected("job")


def _require_rights(cloud: Cloud, template: Mapping[str, Any], place: Place, doing: str) -> None:
    problems = missing(cloud, template, place)
    if problems:
        raise Refused(f"Error waiting {doing}: Error code 7, message: " + "\n".join(problems))


def _pull(cloud: Cloud, template: Mapping[str, Any], doing: str) -> None:
    try:
        for container in template["containers"]:
            docker.pulled(cloud, container)
    except Refused as problem:
        raise Refused(f"Error waiting {doing}: {problem}") from None


def deploy(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values:
    """Start what the inputs say, and return what only the start tells. Raises Refused as Cloud Run does."""
    name, template = str(inputs["name"]), inputs["template"]
    _require_rights(cloud, template, place, f"to deploy Service {name}")
    _pull(cloud, template, f"to deploy Service {name}")
    client.ensure(cloud)
    status = client.request(cloud, {"do": "status"})
    others = any(one["name"] != name for one in status["services"])
    wanted = os.environ.get(PORT_VARIABLE)
    answer = client.request(
        cloud,
        {
            "do": "deploy",
            "name": name,
            "port": int(wanted) if wanted and not others else free_port(),
            "template": template,
            "place": {"project": place.project, "region": str(inputs.get("location") or place.region)},
            "traffics": inputs.get("traffics") or [],
            "scaling": inputs.get("scaling") or {},
        },
    )
    if not answer["ok"]:
        # A refusal of Cloud Run leaves the resource as it was; nothing of a new one stays.
        client.stop_if_idle(cloud)
        raise Refused(f"Error waiting to deploy Service {name}: {answer['error']}")
    return _shown(answer, place)


def _shown(status: Mapping[str, Any], place: Place) -> Values:
    latest = f"{place.id}/revisions/{status['latest']}"
    return {
        "uri": status["url"],
        "urls": [status["url"]],
        "latestCreatedRevision": latest,
        "latestReadyRevision": latest,
        "trafficStatuses": [
            {
                "revision": one["revision"],
                "percent": one["percent"],
                "tag": one["tag"] or "",
                "type": _TRAFFIC[0] if one["latest"] else _TRAFFIC[1],
                "uri": "",
            }
            for one in status["traffic"]
        ],
    }


def recorded_service(inputs: Inputs, place: Place) -> Values:
    """What a start would tell, for a state that is only recorded."""
    name = str(inputs["name"])
    url = f"https://{name}-{place.number}.{place.region}.run.app"
    return _shown({"latest": f"{name}-00001-abc", "url": url, "traffic": []}, place)


def read_service(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values | None:
    """A service as it is now; None where its record is gone."""
    name = str(outputs["name"])
    if not (cloud.run / "services" / f"{name}.json").exists():
        return None
    client.ensure(cloud)
    found = _standing(cloud, name)
    if found and not found["open"]:
        _reopen(cloud, found)
        found = _standing(cloud, name)
    if found is None:
        return None
    # Traffic may have been moved since, past the engine; where none was ever declared, none is told.
    traffics = found["traffics"]
    return {**_shown(found, place), **({"traffics": traffics} if traffics or inputs.get("traffics") else {})}


def _standing(cloud: Cloud, name: str) -> dict[str, Any] | None:
    services = client.request(cloud, {"do": "status"})["services"]
    return next((one for one in services if one["name"] == name), None)


def _reopen(cloud: Cloud, service: Mapping[str, Any]) -> None:
    """Somebody had the service's port when its supervisor started: it gets it back, or another one."""
    own = int(str(service["url"]).rpartition(":")[2])
    for port in (own, free_port()):
        if client.request(cloud, {"do": "move", "name": service["name"], "port": port})["ok"]:
            return


def _remove_service(cloud: Cloud, inputs: Inputs, place: Place, old: Values) -> None:
    _protect_service(cloud, old)
    end_service(cloud, str(old["name"]))


def end_service(cloud: Cloud, name: str) -> None:
    """Stop a service for good, and with the last one the supervisor."""
    if not (cloud.run / "services" / f"{name}.json").exists() and not client.running(cloud):
        return
    client.ensure(cloud)
    if not client.request(cloud, {"do": "delete", "name": name}).get("left"):
        client.stop(cloud)  # it ends by itself, too; what comes after a destroy must not meet it


def _service_outputs(inputs: Inputs, place: Place) -> Values:
    return {
        "terminalConditions": [{"type": "Ready", "state": "CONDITION_SUCCEEDED"}],
        "creator": "local",
        "lastModifier": "local",
        "deleteTime": "",
        "expireTime": "",
    }


def _make_job(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values:
    _require_rights(cloud, inputs["template"]["template"], place, f"to create Job {inputs['name']}")
    _pull(cloud, inputs["template"]["template"], f"to create Job {inputs['name']}")
    return {}


def _job_outputs(inputs: Inputs, place: Place) -> Values:
    return {**_service_outputs(inputs, place), "executionCount": 0, "latestCreatedExecutions": []}


def _remove_job(cloud: Cloud, inputs: Inputs, place: Place, old: Values) -> None:
    _protect_job(cloud, old)


_PARENT = "projects/{project}/locations/{location}"

RESOURCES = {
    SERVICE: Resource(
        id=_PARENT + "/services/{name}",
        kind="real",
        refuses=REFUSALS,
        outputs=_service_outputs,
        volatile=("latestCreatedRevision", "latestReadyRevision", "trafficStatuses"),
        recorded=recorded_service,
        create=deploy,
        delete=_remove_service,
        read=read_service,
        moved=("traffics",),
    ),
    JOB: Resource(
        id=_PARENT + "/jobs/{name}",
        kind="real",
        refuses=JOB_REFUSALS,
        outputs=_job_outputs,
        create=_make_job,
        delete=_remove_job,
    ),
    "gcp:cloudrunv2/workerPool:WorkerPool": Resource(id=_PARENT + "/workerPools/{name}"),
    **triple("gcp:cloudrunv2/serviceIam", _PARENT + "/services/{name}"),
    **triple("gcp:cloudrunv2/jobIam", _PARENT + "/jobs/{name}"),
    **triple("gcp:cloudrunv2/workerPoolIam", _PARENT + "/workerPools/{name}"),
}
