"""Where container images are kept."""

from collections.abc import Mapping

import pulumi
import pulumi_gcp as gcp

from infra.component import Component
from infra.config import Settings
from infra.identity import Identity


class Registry(Component):
    """An Artifact Registry repository for images, scanned for vulnerabilities.

    Tags stay mutable, because each release moves `latest`; deployments name a digest, so a moved tag changes nothing
    that runs. Images without a tag go after a month, and the newest ten of each image stay whatever their age.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        readers: Mapping[str, Identity],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        self.repository = gcp.artifactregistry.Repository(
            name,
            repository_id=settings.name(),
            location=settings.region,
            format="DOCKER",
            description="Images of the scoring service and the training job",
            docker_config={"immutable_tags": False},
            vulnerability_scanning_config={"enablement_config": "INHERITED"},
            cleanup_policies=[
                {"id": "keep-newest", "action": "KEEP", "most_recent_versions": {"keep_count": 10}},
                {
                    "id": "drop-untagged",
                    "action": "DELETE",
                    "condition": {"tag_state": "UNTAGGED", "older_than": f"{30 * 86400}s"},
                },
            ],
            opts=self.within,
        )
        for reader, identity in readers.items():
            gcp.artifactregistry.RepositoryIamMember(
                f"{reader}-reads-{name}",
                repository=self.repository.repository_id,
                location=settings.region,
                role="roles/artifactregistry.reader",
                member=identity.member,
                opts=self.within,
            )
        self.address: pulumi.Output[str] = self.repository.repository_id.apply(
            lambda repository: f"{settings.region}-docker.pkg.dev/{settings.project}/{repository}"
        )
        self.register_outputs({"address": self.address})
