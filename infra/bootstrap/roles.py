"""What the identities may do, as lists that a reviewer can read."""

# Reading what is declared: configuration, metadata, grants; no object of a bucket and no value of a secret.
PREVIEW_ROLES = (
    "roles/artifactregistry.reader",
    "roles/binaryauthorization.policyViewer",
    "roles/browser",
    "roles/cloudkms.viewer",
    "roles/cloudscheduler.viewer",
    "roles/compute.viewer",
    "roles/eventarc.viewer",
    "roles/iam.securityReviewer",
    "roles/logging.viewer",
    "roles/monitoring.viewer",
    "roles/pubsub.viewer",
    "roles/redis.viewer",
    "roles/run.viewer",
    "roles/secretmanager.viewer",
    "roles/serviceusage.serviceUsageViewer",
    "roles/workflows.viewer",
)

# Adding objects to model buckets; not listing, reading, changing or removing any.
PUBLISH_ROLE = "roles/storage.objectCreator"

# Making and changing what the program declares.
DEPLOY_ROLES = (
    "roles/artifactregistry.admin",
    "roles/binaryauthorization.attestorsViewer",
    "roles/binaryauthorization.policyEditor",
    "roles/cloudkms.admin",
    "roles/cloudscheduler.admin",
    "roles/compute.loadBalancerAdmin",
    "roles/compute.securityAdmin",
    # An attestation is an occurrence of the attestor's note.
    "roles/containeranalysis.notes.attacher",
    "roles/containeranalysis.occurrences.editor",
    "roles/eventarc.admin",
    "roles/iam.serviceAccountAdmin",
    "roles/logging.configWriter",
    "roles/monitoring.editor",
    "roles/pubsub.admin",
    "roles/redis.admin",
    "roles/run.admin",
    "roles/serviceusage.serviceUsageAdmin",
    "roles/workflows.admin",
)

# The project-wide roles that the program grants; the deploy identity can grant these and no others.
GRANTABLE_ROLES = (
    "roles/aiplatform.user",
    "roles/eventarc.eventReceiver",
    "roles/pubsub.publisher",
    "roles/workflows.invoker",
)

# roles/storage.admin would read every order: these are its rights over buckets without those over objects. And
# roles/compute.networkAdmin would change every network: these make and remove the one of a stack that names none.
DEPLOYER_PERMISSIONS = (
    "compute.networks.create",
    "compute.networks.delete",
    "compute.networks.updatePolicy",
    "compute.routes.delete",
    "compute.routes.list",
    "compute.subnetworks.create",
    "compute.subnetworks.delete",
    "compute.subnetworks.expandIpCidrRange",
    "compute.subnetworks.setPrivateIpGoogleAccess",
    "compute.subnetworks.update",
    "secretmanager.secrets.create",
    "secretmanager.secrets.delete",
    "secretmanager.secrets.get",
    "secretmanager.secrets.getIamPolicy",
    "secretmanager.secrets.list",
    "secretmanager.secrets.setIamPolicy",
    "secretmanager.secrets.update",
    "secretmanager.versions.access",
    "secretmanager.versions.add",
    "secretmanager.versions.destroy",
    "secretmanager.versions.disable",
    "secretmanager.versions.enable",
    "secretmanager.versions.get",
    "secretmanager.versions.list",
    "storage.buckets.create",
    "storage.buckets.delete",
    "storage.buckets.get",
    "storage.buckets.getIamPolicy",
    "storage.buckets.list",
    "storage.buckets.setIamPolicy",
    "storage.buckets.update",
)
