"""The containers of Cloud Run resources and what they are given, in one shape for services, jobs and worker pools."""

from __future__ import annotations

from dataclasses import dataclass

from policies.rule import Resource
from policies.value import Value, find

SERVICE = "gcp:cloudrunv2/service:Service"
JOB = "gcp:cloudrunv2/job:Job"
WORKER_POOL = "gcp:cloudrunv2/workerPool:WorkerPool"
CLOUD_RUN_TYPES = (SERVICE, JOB, WORKER_POOL)


def revision(resource: Resource) -> Value:
    """The template that holds containers, volumes and the service account. A job's lies one level deeper."""
    return resource.at("template.template" if resource.type == JOB else "template")


def containers(resource: Resource) -> list[Container]:
    """The containers. An unknown list counts as one unknown container; a resource without a template has none."""
    return [Container(value) for value in revision(resource).each("containers")]


@dataclass(frozen=True)
class Container:
    """One container. Property names are those of Cloud Run v2."""

    value: Value

    @property
    def variables(self) -> list[Value]:
        """The environment's entries, each with `name` and either `value` or `valueSource`."""
        return self.value.each("envs")

    def variables_named(self, name: str) -> list[Value]:
        """Every entry that has this name, or may have it: one that is set twice counts twice."""
        return [variable for variable in self.variables if variable["name"].among((name,)) is not False]

    def variable(self, name: str) -> Value:
        """The entry of this name: absent when there is none, unknown when one that is not known yet could be it."""
        return find(self.variables, "name", name)
