"""Organisation policies: what the organisation forbids stays forbidden."""

from policies.rule import HIGH, Resource, cis, rule
from policies.value import Findings, Undecided, Violation, equals, forbid
from policies.wants import is_false

OLD_POLICIES = (
    "gcp:projects/organizationPolicy:OrganizationPolicy",
    "gcp:folder/organizationPolicy:OrganizationPolicy",
    "gcp:organizations/policy:Policy",
)
POLICY = "gcp:orgpolicy/policy:Policy"


@rule(
    "organization-policy-kept",
    "No organisation policy is switched off: neither by enforcing it not, nor by allowing everything.",
    types=[*OLD_POLICIES, POLICY],
    severity=HIGH,
    frameworks=[cis("1.1.4")],
    fix="Take the resource out, or allow the one value that is needed.",
)
def policy_kept(policy: Resource) -> Findings:
    if policy.type in OLD_POLICIES:
        yield forbid(policy.at("booleanPolicy.enforced"), equals(False), "the policy is not enforced")
        yield forbid(policy.at("listPolicy.allow.all"), equals(True), "everything is allowed")
        return
    for spec in ("spec", "dryRunSpec") if policy["spec"].absent else ("spec",):
        for entry in policy.each(f"{spec}.rules"):
            condition = entry["condition"]
            for name, off in (("enforce", is_false), ("allowAll", lambda content: not is_false(content))):
                finding = forbid(entry[name], off, "the policy is switched off")
                if isinstance(finding, Violation) and condition.known:
                    continue  # For what the condition names alone, as tags do it.
                yield Undecided(condition.path) if finding and condition.unknown else finding
