"""The right to ask a model of Vertex AI."""

import pulumi
import pulumi_gcp as gcp

# roles/aiplatform.user holds more than 400 rights, trainings and notebooks among them.
PERMISSIONS = ("aiplatform.endpoints.predict",)


def ask_vertex(name: str, project: str, member: pulumi.Input[str], opts: pulumi.ResourceOptions) -> None:
    """Let a member have a model answer, and do nothing else there."""
    role = gcp.projects.IAMCustomRole(
        name,
        project=project,
        role_id="orderguardAsksVertex",
        title="orderguard: asks a model of Vertex AI",
        permissions=list(PERMISSIONS),
        opts=opts,
    )
    gcp.projects.IAMMember(name, project=project, role=role.name, member=member, opts=opts)
