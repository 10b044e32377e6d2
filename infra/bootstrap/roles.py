"""What the identities that GitHub becomes may do, as lists that a reviewer can read.

The deploy identity has no predefined role where that brings more than making what the program declares: `run.admin`
opens a shell in a job that reads raw orders, `storage.admin` reads them, `cloudkms.admin` says who uses any key,
`iam.serviceAccountAdmin` who acts as whom. docs/technical/rights.md shows what comes of it.
"""

# Reading what is declared: configuration, metadata, grants; no object of a bucket and no value of a secret.
PREVIEW_ROLES = (
    "roles/artifactregistry.reader",
    "roles/binaryauthorization.policyViewer",
    "roles/browser",
    "roles/cloudkms.viewer",
    "roles/cloudscheduler.viewer",
    "roles/cloudsql.viewer",
    "roles/compute.viewer",
    "roles/eventarc.viewer",
    "roles/iam.securityReviewer",
    "roles/logging.viewer",
    "roles/memorystore.viewer",
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

# Making and changing what the program declares, where that is all that the role brings.
DEPLOY_ROLES = (
    "roles/binaryauthorization.attestorsViewer",
    "roles/binaryauthorization.policyViewer",
    "roles/cloudscheduler.admin",
    "roles/compute.loadBalancerAdmin",
    "roles/compute.securityAdmin",
    # An attestation is an occurrence of the attestor's note.
    "roles/containeranalysis.notes.attacher",
    "roles/containeranalysis.occurrences.editor",
    "roles/logging.configWriter",
    "roles/serviceusage.serviceUsageAdmin",
)


def _permissions(**of_service: str) -> tuple[str, ...]:
    """`run="jobs.run services.get"` → run.jobs.run, run.services.get."""
    return tuple(f"{service}.{one}" for service, listed in of_service.items() for one in listed.split())


# For the rest, what the provider asks for and no more. Nothing here says who may do something.
DEPLOYER_PERMISSIONS = _permissions(
    artifactregistry=(
        "dockerimages.get dockerimages.list files.get files.list packages.get packages.list repositories.create"
        " repositories.delete repositories.downloadArtifacts repositories.get repositories.getIamPolicy"
        " repositories.list repositories.update repositories.uploadArtifacts tags.create tags.delete tags.get"
        " tags.list tags.update versions.get versions.list"
    ),
    cloudkms=(
        "cryptoKeyVersions.create cryptoKeyVersions.get cryptoKeyVersions.list cryptoKeyVersions.viewPublicKey"
        " cryptoKeys.create cryptoKeys.get cryptoKeys.getIamPolicy cryptoKeys.list cryptoKeys.update keyRings.create"
        " keyRings.get keyRings.getIamPolicy keyRings.list locations.get locations.list"
    ),
    # No export, copy or restore, no login, and no statement past the services (executeSql).
    cloudsql=(
        "databases.create databases.delete databases.get databases.list databases.update instances.create"
        " instances.delete instances.get instances.list instances.listServerCas instances.update users.create"
        " users.delete users.get users.list users.update"
    ),
    compute=(
        "addresses.createInternal addresses.deleteInternal addresses.get addresses.list addresses.setLabels"
        " addresses.use forwardingRules.create forwardingRules.delete forwardingRules.get forwardingRules.list"
        " forwardingRules.pscCreate forwardingRules.pscDelete forwardingRules.pscSetLabels forwardingRules.setLabels"
        " networks.create networks.delete networks.get networks.updatePolicy networks.use routes.create routes.delete"
        " routes.get routes.list"
        " subnetworks.create subnetworks.delete subnetworks.expandIpCidrRange subnetworks.get"
        " subnetworks.setPrivateIpGoogleAccess subnetworks.update subnetworks.use"
    ),
    eventarc="operations.get triggers.create triggers.delete triggers.get triggers.list triggers.update",
    iam="serviceAccounts.create serviceAccounts.get serviceAccounts.getIamPolicy serviceAccounts.list",
    # No backup and no export, and no connection.
    memorystore=(
        "instances.create instances.delete instances.get instances.list instances.update operations.get operations.list"
    ),
    # No alert is deleted or silenced, and no figure written that an alert or a canary looks at.
    monitoring=(
        "alertPolicies.create alertPolicies.get alertPolicies.list alertPolicies.update dashboards.create"
        " dashboards.delete dashboards.get dashboards.list dashboards.update metricDescriptors.get"
        " metricDescriptors.list monitoredResourceDescriptors.get monitoredResourceDescriptors.list"
        " notificationChannels.create notificationChannels.get notificationChannels.list notificationChannels.update"
        " services.create services.delete services.get services.list services.update slos.create slos.delete slos.get"
        " slos.list slos.update timeSeries.list uptimeCheckConfigs.create uptimeCheckConfigs.get"
        " uptimeCheckConfigs.list uptimeCheckConfigs.update"
    ),
    # The stack's network lets Google make Memorystore's endpoints in it.
    networkconnectivity=(
        "operations.get serviceConnectionPolicies.create serviceConnectionPolicies.delete serviceConnectionPolicies.get"
        " serviceConnectionPolicies.list serviceConnectionPolicies.update"
    ),
    pubsub=(
        "subscriptions.create subscriptions.delete subscriptions.get subscriptions.list subscriptions.update"
        " topics.attachSubscription topics.create topics.delete topics.get topics.getIamPolicy topics.list"
        " topics.update"
    ),
    # The provider asks for the password of a Redis that it has made.
    redis=(
        "instances.create instances.delete instances.get instances.getAuthString instances.list instances.update"
        " instances.upgrade operations.get operations.list"
    ),
    resourcemanager="projects.get",
    # No shell in a container, and no job with other arguments than those that are declared.
    run=(
        "configurations.get executions.get executions.list jobs.create jobs.delete jobs.get jobs.getIamPolicy jobs.list"
        " jobs.run jobs.update operations.get operations.list revisions.get revisions.list routes.get routes.invoke"
        " services.create services.delete services.get services.getIamPolicy services.list services.update tasks.get"
        " tasks.list"
    ),
    secretmanager=(
        "secrets.create secrets.delete secrets.get secrets.getIamPolicy secrets.list secrets.update versions.get"
        " versions.list"
    ),
    # Google enters an endpoint of a published service there by itself, as whoever makes it.
    servicedirectory="namespaces.create services.create services.delete",
    storage="buckets.create buckets.get buckets.getIamPolicy buckets.list",
    workflows=("operations.get workflows.create workflows.delete workflows.get workflows.list workflows.update"),
)

# On buckets of the stack alone: state and logs of others are none of its business. Not who may use one.
BUCKET_PERMISSIONS = _permissions(storage="buckets.delete buckets.update")

# On the stack's key for data alone: a deployment has Google's services encrypt with it.
KEY_PERMISSIONS = _permissions(cloudkms="cryptoKeys.setIamPolicy")

# On what opens the stack's own Redis (`infra.keys.OF_OWN_STORE`), alone: Google makes that up and the program keeps it;
# the provider reads back what it wrote. All other values a person makes (`make secrets`); a deployment neither reads
# nor adds one.
STORE_PERMISSIONS = _permissions(secretmanager="versions.access versions.add versions.destroy versions.enable")

# On the key that example orders are scored with.
PROBE_SECRET = "probe-key"  # a name  # nosec B105
PROBE_PERMISSIONS = _permissions(secretmanager="versions.access")

# Who may pull an image, call the service, start a job, and publish that a key is due. These services know no conditions
# on names (cloud.google.com/iam/docs/conditions-resource-attributes).
CALLER_PERMISSIONS = _permissions(
    artifactregistry="repositories.setIamPolicy",
    pubsub="topics.setIamPolicy",
    run="jobs.setIamPolicy services.setIamPolicy",
)
