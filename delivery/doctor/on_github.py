"""What a deployment needs on GitHub: switches, environments with their variables, and what protects them."""

from delivery.doctor.need import HERE, MISSING, Finding, Machine, Need, answers, lists, says
from delivery.stack import Stack

ENVIRONMENTS = {
    "staging": ("staging", "preview-staging", "drift-staging", "models", "promotion-staging"),
    "prod": ("production", "preview-prod", "drift-prod", "promotion-prod"),
}
APPROVED = ("preview-staging", "preview-prod", "production")
"""Environments that somebody has to let a job into, each time: in the first two code runs that nobody has reviewed."""
ON_MAIN = ("drift-staging", "drift-prod", "models", "promotion-staging", "promotion-prod")
ON_TAGS = ("staging", "production")
DEPLOYING = ("PULUMI_BACKEND_URL", "WORKLOAD_IDENTITY_PROVIDER", "DEPLOY_SERVICE_ACCOUNT")
PREVIEWING = ("PULUMI_BACKEND_URL", "WORKLOAD_IDENTITY_PROVIDER", "PREVIEW_SERVICE_ACCOUNT")
VARIABLES = {
    **{name: (*DEPLOYING, "REGISTRY") for name in ON_TAGS},
    **{name: DEPLOYING for name in ("promotion-staging", "promotion-prod")},
    **{name: PREVIEWING for name in ("preview-staging", "preview-prod", "drift-staging", "drift-prod")},
    "models": ("PULUMI_BACKEND_URL", "WORKLOAD_IDENTITY_PROVIDER", "PUBLISH_SERVICE_ACCOUNT", "MODELS_BUCKET"),
}
OUTPUTS = {
    "PULUMI_BACKEND_URL": "backend_url",
    "WORKLOAD_IDENTITY_PROVIDER": "workload_identity_provider",
    "DEPLOY_SERVICE_ACCOUNT": "deploy_service_account",
    "PREVIEW_SERVICE_ACCOUNT": "preview_service_account",
    "PUBLISH_SERVICE_ACCOUNT": "publish_service_account",
}
BOOTSTRAP = "infra/bootstrap"
_OWN_REFS = "".join(
    f" -F 'deployment_branch_policy[{name}]={value}'"
    for name, value in (("protected_branches", "false"), ("custom_branch_policies", "true"))
)


def on_github(stack: Stack) -> list[Need]:
    """The needs of a stack on GitHub, in order."""
    here = ("GitHub: signed in",)
    needs = [
        Need(
            "GitHub: Google Cloud switched on",
            says("on", "gh variable get GOOGLE_CLOUD"),
            "gh variable set GOOGLE_CLOUD --body on",
            here,
        ),
        Need(
            "GitHub: promotion switched on",
            says("on", "gh variable get PROMOTION"),
            "gh variable set PROMOTION --body on   # deploys the training job's champion each hour, with no hand",
            here,
            advised=True,
        ),
        Need(
            "GitHub: tags protected",
            _ruleset,
            "gh api --method POST repos/{owner}/{repo}/rulesets -f name=releases -f target=tag -f enforcement=active"
            " -f 'conditions[ref_name][include][]=refs/tags/v*'"
            " -f 'rules[][type]=creation' -f 'rules[][type]=deletion' -f 'rules[][type]=update'",
            here,
            advised=True,
            by_hand=True,
        ),
    ]
    for name in ENVIRONMENTS.get(stack.name, ()):
        needs += _environment(stack, name, here)
    return needs


def _environment(stack: Stack, name: str, here: tuple[str, ...]) -> list[Need]:
    place, there = f"repos/{{owner}}/{{repo}}/environments/{name}", (f"GitHub: environment {name}",)
    advised = name.startswith("promotion-")
    needs = [
        Need(there[0], answers(f"gh api {place}"), f"gh api --method PUT {place}", here, advised=advised),
        Need(
            f"GitHub: variables of {name}",
            lists(VARIABLES[name], f"gh variable list --env {name} --json name --jq .[].name"),
            _variables(stack, name),
            (*there, "its state in the bucket"),
            advised=advised,
        ),
    ]
    ref = "branch main" if name in ON_MAIN else "tag v*" if name in ON_TAGS else ""
    if ref:
        # First these: setting them again forgets who approves.
        kind, pattern = ref.split()
        needs.append(
            Need(
                f"GitHub: {ref} alone in {name}",
                lists(
                    (f"{kind}:{pattern}",),
                    f"gh api {place}/deployment-branch-policies --jq '.branch_policies[] | .type + \":\" + .name'",
                ),
                f"gh api --method PUT {place}{_OWN_REFS}\n"
                f"gh api --method POST {place}/deployment-branch-policies -f 'name={pattern}' -f type={kind}",
                there,
                advised=True,
            )
        )
    if name in ON_TAGS:
        needs.append(
            Need(
                f"GitHub: whose models {name} takes",
                lists(("MODEL",), f"gh variable list --env {name} --json name --jq .[].name"),
                f"gh variable set MODEL --env {name} --body job   # the stack's own; runner: those that GitHub trains",
                there,
                advised=True,
            )
        )
    if name in APPROVED:
        needs.append(
            Need(
                f"GitHub: who approves {name}",
                lists(("required_reviewers",), f"gh api {place} --jq .protection_rules[].type"),
                f"gh api --method PUT {place} -F 'reviewers[][id]=NUMBER' -f 'reviewers[][type]=User'"
                f"{_OWN_REFS if ref else ''}",
                there,
                advised=name == "production",  # hands off altogether means without
                by_hand=True,
            )
        )
    return needs


def _ruleset(machine: Machine) -> Finding:
    said = machine.ask("gh api repos/{owner}/{repo}/rulesets --jq '.[].target'")
    return HERE if "tag" in (said or "").split() else MISSING


def _variables(stack: Stack, environment: str) -> str:
    project, region = stack.setting("project", "gcp"), stack.setting("region", "gcp")
    named = {
        "REGISTRY": f"{region}-docker.pkg.dev/{project}/orderguard-{stack.setting('environment')}",
        "MODELS_BUCKET": f"{project}-{stack.setting('environment')}-models",
    }
    output = f"pulumi --cwd {BOOTSTRAP} stack output --stack {stack.name}"
    lines = [f"export PULUMI_BACKEND_URL=gs://{project}-pulumi-state"]
    for name in VARIABLES[environment]:
        value = f'"$({output} {OUTPUTS[name]})"' if name in OUTPUTS else named[name]
        lines.append(f"gh variable set {name} --env {environment} --body {value}")
    return "\n".join(lines)
