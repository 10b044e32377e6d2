"""What Cloud Run refuses in `up`, found in Check: names, reserved variables, resources, instances, traffic, mounts."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from infra.local.provider.rules import Inputs, Problem, Rule, between, found, matches
from infra.local.provider.values import at, known

_RESERVED = {"PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"}
_RESERVED_IN_JOBS = {
    "CLOUD_RUN_JOB",
    "CLOUD_RUN_EXECUTION",
    "CLOUD_RUN_TASK_INDEX",
    "CLOUD_RUN_TASK_ATTEMPT",
    "CLOUD_RUN_TASK_COUNT",
}
_CPUS = (1, 2, 4, 6, 8)
_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "k": 10**3, "M": 10**6, "G": 10**9, "": 1}
_LEAST_MEMORY_OF_CPU = {4: 2, 6: 4, 8: 4}
"""CPU → GiB of memory that Cloud Run asks for with it."""


def _containers(inputs: Inputs, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for where, container in found(inputs, f"{path}.containers[]"):
        if isinstance(container, Mapping):
            yield where, container


def _reserved(path: str, names: set[str]) -> Rule:
    def rule(inputs: Inputs) -> Iterator[Problem]:
        for where, container in _containers(inputs, path):
            listed = [name for _, name in found(container, "envs[].name")]
            for name in sorted({name for name in listed if listed.count(name) > 1}):
                yield f"{where}.envs", f"googleapi: Error 400: duplicate environment variable name {name!r}, badRequest"
            for reserved in sorted(names & set(listed)):
                yield (
                    f"{where}.envs",
                    (
                        f"googleapi: Error 400: The following reserved env names were provided: {reserved}. These"
                        " values are automatically set by the system., badRequest"
                    ),
                )

    return rule


def cpus(text: Any) -> float | None:
    """`2` or `500m` in processors; None for anything else."""
    written = re.fullmatch(r"(\d+(?:\.\d+)?)(m?)", str(text))
    return float(written[1]) / (1000 if written[2] else 1) if written else None


def memory_bytes(text: Any) -> float | None:
    """`512Mi` in bytes; None for anything else."""
    written = re.fullmatch(r"(\d+(?:\.\d+)?)(Ki|Mi|Gi|k|M|G)?", str(text))
    return float(written[1]) * _UNITS[written[2] or ""] if written else None


def _resources(path: str) -> Rule:
    def rule(inputs: Inputs) -> Iterator[Problem]:
        for where, container in _containers(inputs, path):
            limits = at(container, "resources.limits")
            if not isinstance(limits, Mapping) or not known(limits):
                continue
            cpu = cpus(limits.get("cpu", "1"))
            memory = memory_bytes(limits.get("memory", "512Mi"))
            if cpu is None or not (cpu in _CPUS or 0.08 <= cpu < 1):
                yield (
                    f"{where}.resources.limits",
                    (
                        f"googleapi: Error 400: Invalid value specified for cpu: {limits.get('cpu')}. Allowed are 1, 2,"
                        " 4, 6, 8, or a value from 0.08 to 1., badRequest"
                    ),
                )
                continue
            if memory is None or not 128 * 2**20 <= memory <= 32 * 2**30:
                yield (
                    f"{where}.resources.limits",
                    (
                        f"googleapi: Error 400: Invalid value specified for memory: {limits.get('memory')}. Allowed are"
                        " 128Mi to 32Gi., badRequest"
                    ),
                )
                continue
            least = _LEAST_MEMORY_OF_CPU.get(int(cpu), 0)
            if memory < least * 2**30:
                yield (
                    f"{where}.resources.limits",
                    (
                        f"googleapi: Error 400: Invalid value specified for memory. For {cpu:g} CPU at least {least}Gi"
                        " are needed., badRequest"
                    ),
                )
            concurrency = at(inputs, f"{path}.maxInstanceRequestConcurrency")
            if cpu < 1 and isinstance(concurrency, int) and concurrency > 1:
                yield (
                    f"{path}.maxInstanceRequestConcurrency",
                    "googleapi: Error 400: Total cpu < 1 is not supported with concurrency > 1., badRequest",
                )

    return rule


def _instances(inputs: Inputs) -> Iterator[Problem]:
    for path in ("template.scaling", "scaling"):
        least, most = at(inputs, f"{path}.minInstanceCount"), at(inputs, f"{path}.maxInstanceCount")
        if isinstance(least, int) and isinstance(most, int) and 0 < most < least:
            yield (
                f"{path}.minInstanceCount",
                (
                    "googleapi: Error 400: template.scaling.min_instance_count: must be less than or equal to"
                    f" max_instance_count ({least} > {most})., badRequest"
                ),
            )
    concurrency = at(inputs, "template.maxInstanceRequestConcurrency")
    if isinstance(concurrency, int) and not 0 <= concurrency <= 1000:
        yield "template.maxInstanceRequestConcurrency", "googleapi: Error 400: must be between 0 and 1000., badRequest"


def _traffic_adds_up(inputs: Inputs) -> Iterator[Problem]:
    percents = [value for _, value in found(inputs, "traffics[].percent")]
    targets = [one for _, one in found(inputs, "traffics[]")]
    if targets and all(known(one) for one in targets) and sum(percents) != 100:
        yield (
            "traffics",
            f"googleapi: Error 400: The sum of traffic percentages must be 100; got {sum(percents)}., badRequest",
        )


def _mounts(path: str) -> Rule:
    def rule(inputs: Inputs) -> Iterator[Problem]:
        volumes = [name for _, name in found(inputs, f"{path}.volumes[].name")]
        if not known(at(inputs, f"{path}.volumes")):
            return
        for where, container in _containers(inputs, path):
            for mount, name in found(container, "volumeMounts[].name"):
                if name not in volumes:
                    yield (
                        f"{where}.{mount}",
                        (
                            f"googleapi: Error 400: template.containers.volume_mounts.name: The volume {name!r} was not"
                            " found., badRequest"
                        ),
                    )

    return rule


def _sidecars(path: str) -> Rule:
    """What Cloud Run asks for where there are several containers."""

    def rule(inputs: Inputs) -> Iterator[Problem]:
        containers = at(inputs, f"{path}.containers")
        if not isinstance(containers, list) or len(containers) < 2 or not known(containers):
            return
        ports = sum(bool(one.get("ports")) for one in containers)
        if path == "template" and ports != 1:
            yield (
                f"{path}.containers",
                (
                    "googleapi: Error 400: template.containers: Revision template should contain exactly one container"
                    f" with an exposed port; {ports} have one., badRequest"
                ),
            )
        names = [str(one.get("name")) for one in containers if one.get("name")]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"{path}.containers", f"googleapi: Error 400: duplicate container name {name!r}, badRequest"
        for where, wanted in found(inputs, f"{path}.containers[].dependsOns[]"):
            if wanted not in names:
                yield where, f"googleapi: Error 400: dependsOn: the container {wanted!r} was not found., badRequest"
        if ring := _ring({str(one.get("name")): [*(one.get("dependsOns") or ())] for one in containers}):
            yield (
                f"{path}.containers",
                f"googleapi: Error 400: dependsOn: the containers {', '.join(ring)} wait for each other., badRequest",
            )

    return rule


def _ring(waits: Mapping[str, list[str]]) -> list[str]:
    """The containers of which none can be the first to start."""
    left = dict(waits)
    while ready := [name for name, others in left.items() if not set(others) & set(left)]:
        for name in ready:
            del left[name]
    return sorted(left)


def _ports(path: str) -> Rule:
    return between(
        f"{path}.containers[].ports.containerPort",
        1,
        65535,
        "googleapi: Error 400: template.containers.ports.container_port: must be from 1 to 65535; got {value}.,"
        " badRequest",
    )


def _revision_name(inputs: Inputs) -> Iterator[Problem]:
    service = at(inputs, "name")
    for where, name in found(inputs, "template.revision"):
        begins = not isinstance(service, str) or str(name).startswith(f"{service}-")
        if not begins or not re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", str(name)):
            yield (
                where,
                (
                    f"googleapi: Error 400: template.revision: Revision name {name!r} must begin with the service's"
                    " name and a hyphen, and hold lowercase letters, digits and hyphens, at most 63., badRequest"
                ),
            )


_NAME = matches(
    "name",
    r"[a-z]([-a-z0-9]{0,47}[a-z0-9])?",
    "googleapi: Error 400: Violation in name {value!r}: only lowercase, digits, and hyphens; must begin with letter,"
    " and cannot end with hyphen; must be less than 50 characters., badRequest",
)


def _common(path: str, reserved: set[str]) -> tuple[Rule, ...]:
    return (_NAME, _reserved(path, reserved), _resources(path), _mounts(path), _sidecars(path), _ports(path))


REFUSALS = (*_common("template", _RESERVED), _instances, _traffic_adds_up, _revision_name)
JOB_REFUSALS = _common("template.template", _RESERVED_IN_JOBS)
