"""What a state from before needs on this machine, ahead of the program; in Google Cloud `delivery` sees to it."""

from infra import former_versions
from infra.local.commands.engine_run import answers_of, latest_state, state_file
from infra.local.home import Home


def let_go_of_versions(home: Home, stack: str) -> list[str]:
    """Take the secret versions that a former release's program made out of the state; their names. Call it with the
    stack held `alone`.
    """
    resources = latest_state(state_file(home, stack)).get("resources") or ()
    held = former_versions.held(one["urn"] for one in resources)
    return former_versions.let_go(answers_of(home, stack)) if held else []
