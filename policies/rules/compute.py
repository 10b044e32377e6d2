"""Compute Engine: what machines run as, who reaches them, and how their disks are encrypted."""

from policies.grants import is_default_account
from policies.patterns import lazy
from policies.rule import ADVISORY, HIGH, LOW, MEDIUM, Resource, checkov, cis, rule, trivy
from policies.value import Findings, Undecided, Violation, equals, forbid, is_set
from policies.wants import Want, is_false, is_true, refuse, settings

INSTANCES = tuple(
    f"gcp:compute/{name[0].lower()}{name[1:]}:{name}"
    for name in (
        "Instance",
        "InstanceTemplate",
        "RegionInstanceTemplate",
        "InstanceFromTemplate",
        "InstanceFromMachineImage",
    )
)
DISKS = ("gcp:compute/disk:Disk", "gcp:compute/regionDisk:RegionDisk")
PROJECT_METADATA = "gcp:compute/projectMetadata:ProjectMetadata"
METADATA_ITEM = "gcp:compute/projectMetadataItem:ProjectMetadataItem"
_FULL_SCOPE = lazy(r"(?:https://www\.googleapis\.com/auth/)?cloud-platform")


@rule(
    "compute-own-service-account",
    "A machine runs as a service account of its own, not as the project's default one.",
    types=INSTANCES,
    severity=HIGH,
    frameworks=[cis("4.1"), checkov("CKV_GCP_30"), trivy("GCP-0044")],
    fix="Make a service account for it and name it in service_account.email, or take the block out.",
)
def own_service_account(machine: Resource) -> Findings:
    account = machine["serviceAccount"]
    email = account["email"]
    if account.unknown or email.unknown:
        yield Undecided(account.path if account.unknown else email.path)
    elif account.known and (not email.text or is_default_account(email.text)):
        yield Violation(email.path, "runs as the default service account")


@rule(
    "compute-full-scope",
    "A machine does not use the default service account with access to all APIs.",
    types=INSTANCES,
    severity=HIGH,
    frameworks=[cis("4.2"), checkov("CKV_GCP_31")],
    fix="Use a service account of its own, whose roles say what it may do.",
)
def full_scope(machine: Resource) -> Findings:
    email = machine.at("serviceAccount.email")
    if email.known and email.text and not is_default_account(email.text):
        return
    for scope in machine.each("serviceAccount.scopes"):
        found = forbid(scope, lambda text: _FULL_SCOPE.fullmatch(str(text)) is not None, "may call every API")
        yield Undecided(email.path) if isinstance(found, Violation) and email.unknown else found


os_login = settings(
    "compute-os-login",
    "People log in to machines by their own identity (OS Login), and no machine switches that off.",
    types=[*INSTANCES, PROJECT_METADATA],
    wants=[refuse("metadata.enable-oslogin", is_false, "switches OS Login off")],
    frameworks=[cis("4.4"), checkov("CKV_GCP_34"), trivy("GCP-0036")],
    fix='Set the metadata "enable-oslogin" to "TRUE" for the whole project, or take it out of the machine.',
)


@rule(
    "compute-project-os-login",
    "The metadata of a project switches OS Login on.",
    types=[PROJECT_METADATA],
    severity=MEDIUM,
    frameworks=[checkov("CKV_GCP_33"), trivy("GCP-0042")],
    fix='Set metadata={"enable-oslogin": "TRUE"}.',
)
def project_os_login(project: Resource) -> Findings:
    yield from Want("metadata.enable-oslogin", is_true, "OS Login is not on").findings(project.properties)


@rule(
    "compute-project-ssh-keys",
    "Keys for the whole project open no machine: one that leaks would open all.",
    types=INSTANCES,
    severity=MEDIUM,
    level=ADVISORY,
    frameworks=[cis("4.3"), checkov("CKV_GCP_32"), trivy("GCP-0030")],
    fix='Set the metadata "block-project-ssh-keys" to "true", or use OS Login ("enable-oslogin": "TRUE").',
)
def project_ssh_keys(machine: Resource) -> Findings:
    login, block = machine["metadata"]["enable-oslogin"], machine["metadata"]["block-project-ssh-keys"]
    if (login.known and is_true(login.content)) or (block.known and is_true(block.content)):
        return
    unknown = login if login.unknown else block
    yield Undecided(unknown.path) if unknown.unknown else Violation(block.path, "keys of the project open it")


serial_port = settings(
    "compute-serial-port",
    "No machine has an interactive serial port: it knows no firewall.",
    types=[*INSTANCES, PROJECT_METADATA],
    wants=[refuse("metadata.serial-port-enable", is_true, "the serial port is open")],
    frameworks=[cis("4.5"), checkov("CKV_GCP_35"), trivy("GCP-0032")],
    fix='Take the metadata "serial-port-enable" out.',
)

ip_forwarding = settings(
    "compute-ip-forwarding",
    "No machine forwards other machines' traffic.",
    types=INSTANCES,
    severity=HIGH,
    wants=[refuse("canIpForward", is_set, "forwards the traffic of others")],
    frameworks=[cis("4.6"), checkov("CKV_GCP_36"), trivy("GCP-0043")],
    fix="Take can_ip_forward out; a gateway needs an exception.",
)

shielded = settings(
    "compute-shielded",
    "Machines are Shielded VMs: they start signed software alone and report what they started.",
    types=INSTANCES,
    wants=[
        Want("shieldedInstanceConfig.enableSecureBoot", equals(True), "secure boot is off", default=False),
        Want("shieldedInstanceConfig.enableVtpm", equals(True), "the virtual TPM is off", default=True),
        Want(
            "shieldedInstanceConfig.enableIntegrityMonitoring", equals(True), "integrity is not watched", default=True
        ),
    ],
    frameworks=[cis("4.8"), checkov("CKV_GCP_39"), *(trivy(f"GCP-{number}") for number in ("0041", "0045", "0067"))],
    fix='Set shielded_instance_config={"enable_secure_boot": True, "enable_vtpm": True, '
    '"enable_integrity_monitoring": True}.',
)

public_address = settings(
    "compute-public-address",
    "Machines have no address that the internet reaches.",
    types=INSTANCES,
    severity=HIGH,
    wants=[
        refuse("networkInterfaces[].accessConfigs", lambda listed: len(listed) > 0, "has a public address"),
        refuse("networkInterfaces[].ipv6AccessConfigs", lambda listed: len(listed) > 0, "has a public address"),
    ],
    frameworks=[cis("4.9"), checkov("CKV_GCP_40"), trivy("GCP-0031")],
    fix="Take access_configs out; let people in by IAP, requests by a load balancer, and traffic out by Cloud NAT.",
)


@rule(
    "compute-confidential",
    "Machines encrypt their memory (Confidential VM).",
    types=INSTANCES,
    severity=LOW,
    level=ADVISORY,
    stacks=["prod*"],
    frameworks=[cis("4.11")],
    fix='Set confidential_instance_config={"enable_confidential_compute": True}, on a machine type that has it.',
)
def confidential(machine: Resource) -> Findings:
    configured = machine["confidentialInstanceConfig"]
    kind, enabled = configured["confidentialInstanceType"], configured["enableConfidentialCompute"]
    if kind.unknown or enabled.unknown:
        yield Undecided(kind.path if kind.unknown else enabled.path)
    elif not (enabled.known and enabled.content is True) and not (kind.known and kind.text):
        yield Violation(configured.path, "memory is not encrypted")


@rule(
    "compute-disk-keys",
    "Disks of production are encrypted with a key of our own.",
    types=[*DISKS, "gcp:compute/instance:Instance"],
    severity=LOW,
    level=ADVISORY,
    stacks=["prod*"],
    frameworks=[cis("4.7"), checkov("CKV_GCP_37"), checkov("CKV_GCP_38"), trivy("GCP-0033"), trivy("GCP-0034")],
    fix="Name a key of Cloud KMS (disk_encryption_key.kms_key_self_link, boot_disk.kms_key_self_link).",
)
def disk_keys(resource: Resource) -> Findings:
    if resource.type in DISKS:
        given = [resource["diskEncryptionKey"]]
    else:
        disk = resource["bootDisk"]
        given = [disk[name] for name in ("kmsKeySelfLink", "diskEncryptionKeyRaw", "diskEncryptionKeyRsa")]
    unknown = next((value for value in given if value.unknown), None)
    if not any(value.known and value.content for value in given):
        yield Undecided(unknown.path) if unknown else Violation(given[0].path, "is encrypted with a key of Google's")


@rule(
    "compute-no-default-network",
    "Machines are not in the default network, which is open between all its machines.",
    types=INSTANCES,
    severity=MEDIUM,
    frameworks=[cis("3.1"), trivy("GCP-0073")],
    fix="Make a network with firewall rules of its own and name that.",
)
def no_default_network(machine: Resource) -> Findings:
    for interface in machine.each("networkInterfaces"):
        network = interface["network"]
        yield forbid(network, lambda name: str(name).rpartition("/")[2] == "default", "is in the default network")
