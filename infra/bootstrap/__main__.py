"""What has to be there before the first deployment: a place for state, and identities that GitHub reaches without a
key.

Run once for each project by somebody with rights over it; docs/technical/infrastructure.md has the steps.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from infra.sdk import drop_debug_messages, load_by_class

    load_by_class()
    drop_debug_messages()

import pulumi

from infra.bootstrap.attestor import Attestor
from infra.bootstrap.github import GitHub, Identities
from infra.bootstrap.services import Services
from infra.bootstrap.settings import Settings, SettingsError, read_settings
from infra.bootstrap.stack_rights import StackRights
from infra.bootstrap.state import State


def bootstrap(settings: Settings) -> dict[str, pulumi.Input[str]]:
    """Declare the one-time stack; its outputs are what GitHub and the stacks' files need."""
    Services("services", settings).come_first()
    state = State("state", settings)
    github = GitHub("github", settings)
    identities = Identities("identities", settings, github, state)
    StackRights("stack", settings, identities.deploy)
    attestor = Attestor("attestor", settings, identities)
    return {
        "backend_url": state.url,
        "secrets_provider": state.secrets_provider,
        "workload_identity_provider": github.provider,
        "preview_service_account": identities.preview,
        "publish_service_account": identities.publish,
        "deploy_service_account": identities.deploy,
        "deployer": pulumi.Output.concat("serviceAccount:", identities.deploy),
        "attestor": attestor.id,
        "attestor_key": attestor.key_id,
    }


if __name__ == "__main__":
    try:
        for output, value in bootstrap(read_settings(pulumi.runtime.config.CONFIG.get(), pulumi.get_stack())).items():
            pulumi.export(output, value)
    except SettingsError as error:
        raise pulumi.RunError(str(error)) from error
