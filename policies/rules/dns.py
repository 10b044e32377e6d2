"""Cloud DNS: names that are signed, and questions that are logged."""

from policies.rule import ADVISORY, LOW, checkov, cis, trivy
from policies.value import equals
from policies.wants import Want, one_of, refuse, settings, where

ZONE = "gcp:dns/managedZone:ManagedZone"

dnssec = settings(
    "dns-signed",
    "A public zone is signed (DNSSEC), so that its answers can't be forged.",
    types=[ZONE],
    wants=[Want("dnssecConfig.state", equals("on"), "its answers are not signed", default="off")],
    frameworks=[cis("3.3"), checkov("CKV_GCP_16"), trivy("GCP-0013")],
    applies=where("visibility", one_of("public"), default="public"),
    fix='Set dnssec_config={"state": "on"}.',
)

dns_algorithms = settings(
    "dns-strong-keys",
    "A zone is signed with keys of today, not with RSASHA1.",
    types=[ZONE],
    wants=[refuse("dnssecConfig.defaultKeySpecs[].algorithm", equals("rsasha1"), "signs with RSASHA1")],
    frameworks=[cis("3.4"), cis("3.5"), checkov("CKV_GCP_17"), trivy("GCP-0012")],
    fix='Set the algorithm to "rsasha256" or "ecdsap256sha256".',
)

dns_logs = settings(
    "dns-logged",
    "Questions to Cloud DNS are logged.",
    types=["gcp:dns/policy:Policy"],
    severity=LOW,
    level=ADVISORY,
    wants=[Want("enableLogging", equals(True), "questions are not logged", default=False)],
    frameworks=[cis("2.13")],
    fix="Set enable_logging=True.",
)
