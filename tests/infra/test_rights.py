"""Who may do what: the effective rights of every identity, computed from what both programs declare."""

import pytest

from infra.__main__ import platform
from infra.bootstrap.__main__ import bootstrap
from infra.bootstrap.roles import PROBE_SECRET
from infra.bootstrap.settings import read_settings
from infra.keys import DRAWN, GIVEN, OF_OWN_STORE, SAME_AS
from tests.infra import rights as found
from tests.infra.recording import declare, stack_settings
from tests.infra.rights import (
    BOOTSTRAP,
    BUCKETS,
    EVERYTHING,
    GITHUB,
    KEYS,
    RUNNING,
    WHOLE_PROJECT,
    Rights,
    Step,
    account,
)


@pytest.fixture(scope="module")
def rights(module_models: None) -> Rights:
    return found.declared_rights()


READERS = {
    "raw": {"trainer", "backfill"},
    "histories": {"scorer", "trainer"},
    "models": {"scorer", "trainer", "hooks", "deploy", "backfill"},
    "backfill": {"backfill"},
    "templates": {"deploy"},
    "access-logs": set(),
    "state": {"deploy"},
}
OF_SECRETS = {
    **{"training-key": "trainer", "tell-shop-token": "hooks", "tell-secret": "hooks"},
    "backfill-masking-key": "backfill",
}


def test_orders_are_read_by_the_trainer_and_backfills_alone_and_models_by_who_serves_and_deploys_them(
    rights: Rights,
) -> None:
    for name, readers in READERS.items():
        assert rights.who("storage.objects.get", BUCKETS[name]) == readers, name
    assert rights.who("storage.objects.create", BUCKETS["models"]) == {"trainer", "publish", "deploy"}
    assert rights.who("storage.objects.create", BUCKETS["raw"]) == set()
    assert rights.who("storage.objects.create", BUCKETS["backfill"]) == {"backfill"}
    assert rights.who("storage.objects.create", BUCKETS["templates"]) == {"deploy"}


def test_a_key_is_read_by_who_uses_it_and_a_deployment_reads_none_but_its_own(rights: Rights) -> None:
    assert set(rights.secrets) == {*DRAWN, *SAME_AS, *GIVEN, *OF_OWN_STORE}
    for name, thing in rights.secrets.items():
        user = OF_SECRETS.get(name, "hooks" if name.startswith("hook") else "scorer")
        deployer = {"deploy"} if name == PROBE_SECRET or name in OF_OWN_STORE else set()
        assert rights.who("secretmanager.versions.access", thing) == {user} | deployer, name
    foreign = found.secret("another-application")
    assert rights.who("secretmanager.versions.access", foreign) == set()


def test_services_log_in_to_the_database_of_their_stack_and_nobody_else_does(rights: Rights) -> None:
    assert rights.who(found.LOGIN, found.ALERTS) == {"scorer", "hooks"}
    assert rights.who(found.LOGIN, found.Thing("instance", "projects/orderguard-prod/instances/accounts")) == set()


def test_services_connect_to_the_store_of_their_stack_and_nobody_else_does(rights: Rights) -> None:
    assert rights.who(found.CONNECT, found.HISTORIES) == {"scorer", "hooks"}
    by_number = found.HISTORIES.full.replace("projects/orderguard-prod/", "projects/123456789012/")
    assert rights.who(found.CONNECT, found.Thing("valkey", by_number)) == {"scorer", "hooks"}
    another = found.HISTORIES.full.replace("orderguard-prod-histories", "carts")
    assert rights.who(found.CONNECT, found.Thing("valkey", another)) == set()


def test_nobody_but_a_person_adds_or_destroys_a_key_or_says_who_reads_it(rights: Rights) -> None:
    for name, thing in rights.secrets.items():
        whole = found.Thing(thing.on, thing.full.partition("/versions")[0])
        of_store = {"deploy"} if name in OF_OWN_STORE else set()
        assert rights.who("secretmanager.versions.add", whole) == of_store, name
        assert rights.who("secretmanager.versions.destroy", thing) == of_store, name
        assert rights.who("secretmanager.secrets.setIamPolicy", whole) == set(), name


def test_previews_open_neither_the_state_nor_a_key(rights: Rights) -> None:
    assert rights.who("storage.objects.get", found.STATE_COPY) == {"preview", "deploy"}
    assert rights.who("cloudkms.cryptoKeyVersions.useToDecrypt", KEYS["state's"]) == {"deploy"}
    held = {one for grant in rights.grants if grant.member.endswith("orderguard-preview") for one in grant.permissions}
    assert held == {"artifactregistry.repositories.downloadArtifacts", "storage.objects.get", "storage.objects.list"}


def test_who_signs_images_signs_no_models_and_the_other_way_round(rights: Rights) -> None:
    sign = "cloudkms.cryptoKeyVersions.useToSign"
    assert {name: rights.who(sign, thing) for name, thing in KEYS.items()} == {
        "state's": set(),
        "images'": {"deploy"},
        "models'": {"trainer"},
        "data's": set(),
    }


@pytest.mark.parametrize(
    "permission",
    [
        "resourcemanager.projects.setIamPolicy",
        "iam.roles.update",
        "iam.workloadIdentityPoolProviders.update",
        "binaryauthorization.policy.update",
        "run.jobs.sshRoot",
        "run.jobs.runWithOverrides",
        "redis.instances.export",
        "memorystore.instances.backup",
        "memorystore.backups.export",
        "cloudsql.instances.executeSql",
        "cloudsql.instances.export",
        "cloudsql.instances.clone",
        "cloudsql.instances.restoreBackup",
        "monitoring.alertPolicies.delete",
        "monitoring.snoozes.create",
        "monitoring.timeSeries.create",
    ],
)
def test_nobody_holds_what_leads_to_everything_or_hides_it(rights: Rights, permission: str) -> None:
    assert rights.who(permission, WHOLE_PROJECT) == set()


def test_rights_on_buckets_and_accounts_are_a_persons_to_change(rights: Rights) -> None:
    for thing in BUCKETS.values():
        assert rights.who("storage.buckets.setIamPolicy", thing) == set()
    for identity in (*GITHUB, *RUNNING):
        assert rights.who("iam.serviceAccounts.setIamPolicy", account(identity)) == set()
        assert rights.who("iam.serviceAccounts.getAccessToken", account(identity)) == set()


def test_no_step_leads_from_one_identity_to_another_but_those_that_deploying_implies(rights: Rights) -> None:
    assert sorted(found.steps(rights)) == found.implied(rights)
    for identity in (*GITHUB, *RUNNING):
        expected = {identity, *RUNNING} if identity == "deploy" else {identity}
        assert found.reach(rights, identity) == expected


def test_the_search_finds_what_the_deploy_identity_used_to_have(rights: Rights) -> None:
    """Each of these was a way for the deployer to raw orders, beside the code that it deploys."""
    deployer = "serviceAccount:orderguard-deploy"
    for permission, step in {
        "storage.buckets.setIamPolicy": Step("deploy", "says who uses", "the bucket raw"),
        "iam.serviceAccounts.setIamPolicy": Step("deploy", "becomes", "trainer"),
        "resourcemanager.projects.setIamPolicy": Step("deploy", "resourcemanager.projects.setIamPolicy", "the project"),
        "cloudkms.cryptoKeys.setIamPolicy": Step("deploy", "says who uses", "the models' key"),
        "secretmanager.secrets.setIamPolicy": Step("deploy", "says who reads", "the secret masking-key"),
        "run.jobs.sshRoot": Step("deploy", "run.jobs.sshRoot", "the project"),
    }.items():
        before = Rights([*rights.grants, found.Grant(deployer, frozenset({permission}), "project")], rights.secrets)
        assert step in set(found.steps(before)) - set(found.implied(rights)), permission


@pytest.mark.usefixtures("module_models")
def test_what_the_bootstrap_stack_grants_is_what_a_stack_without_a_deployer_grants_itself() -> None:
    """The local cloud enforces the second: so the first lets everything come up, too."""
    settings, one_time = stack_settings("prod", **EVERYTHING), read_settings(BOOTSTRAP)
    own = found.rights_of(declare(lambda: platform(settings)))
    given = found.rights_of(declare(lambda: bootstrap(one_time)))
    for name in ("raw", "histories", "models", "access-logs"):
        for thing in (BUCKETS[name], found.bucket(BUCKETS[name].on.partition(":")[2], objects=False)):
            for permission in ("storage.objects.get", "storage.objects.list", "storage.objects.create"):
                assert given.who(permission, thing) - set(GITHUB) == own.who(permission, thing), (name, permission)
    for name, thing in own.secrets.items():
        read = "secretmanager.versions.access"
        assert given.who(read, thing) - set(GITHUB) == own.who(read, thing) != set(), name
    assert given.who(found.LOGIN, found.ALERTS) == own.who(found.LOGIN, found.ALERTS) != set()
    assert given.who(found.CONNECT, found.HISTORIES) == own.who(found.CONNECT, found.HISTORIES) != set()
    for permission in ("workflows.executions.create", "aiplatform.endpoints.predict"):
        assert given.who(permission, WHOLE_PROJECT) == own.who(permission, WHOLE_PROJECT) != set()
    on_project = {(grant.member, grant.on) for grant in own.grants if grant.on == "project"}
    assert on_project <= {(grant.member, grant.on) for grant in given.grants}


def test_the_page_shows_what_is_declared(rights: Rights) -> None:
    text = found.PAGE.read_text(encoding="utf-8")
    assert text == found.page(text, rights), "run `python -m tests.infra.rights`"
