"""Cloud SQL: an instance of PostgreSQL with an endpoint of Private Service Connect is a real server on 127.0.0.1, with
its databases and users. All others are declared.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from infra.local import iam
from infra.local.certificates import described
from infra.local.cloud import Cloud, Damaged
from infra.local.facts import facts_of
from infra.local.provider.generic import shaped
from infra.local.provider.outputs import digits
from infra.local.provider.resource import Place, Refused, Resource, Values
from infra.local.provider.rules import Inputs
from infra.local.provider.values import at
from infra.local.supervisor import client, stores
from infra.local.supervisor.postgres_server import ENDING, OWNER, PostgresServer, quoted, server_program, verifier

INSTANCE = "gcp:sql/databaseInstance:DatabaseInstance"
DATABASE = "gcp:sql/database:Database"
USER = "gcp:sql/user:User"
NO_SERVER = (
    "Cloud SQL is a real server here, and there is none that can run: postgres is neither on PATH nor below"
    " /usr/lib/postgresql, or this is root in a container that forbids user namespaces. Install the package postgresql"
    " (Debian, Ubuntu: apt-get install postgresql), and run this as another user"
)
_CONNECTIONS = 100
_MOST_CONNECTIONS = 1_000


def _runs_here(inputs: Inputs) -> bool:
    configs = at(inputs, "settings.ipConfiguration.pscConfigs") or ()
    by_endpoint = any(isinstance(one, Mapping) and one.get("pscEnabled") is True for one in configs)
    return by_endpoint and str(inputs.get("databaseVersion")).startswith("POSTGRES_") and bool(server_program())


def _specification(inputs: Inputs) -> Values:
    flags = {one.get("name"): one.get("value") for one in at(inputs, "settings.databaseFlags") or ()}
    return {
        "program": server_program(),
        "tls": at(inputs, "settings.ipConfiguration.sslMode") != "ALLOW_UNENCRYPTED_AND_ENCRYPTED",
        "connections": min(int(flags.get("max_connections") or _CONNECTIONS), _MOST_CONNECTIONS),
    }


def _run(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values:
    if not _runs_here(inputs):
        return {}
    answer = stores.deployed(cloud, f"{inputs['name']}{ENDING}", _specification(inputs))
    if not answer["ok"]:
        raise Refused(f"Error, failed to create instance {inputs['name']}: {answer['error']}")
    with _administrator(cloud, str(inputs["name"])) as connection:
        _make_role(connection, OWNER, "CREATEDB CREATEROLE NOLOGIN")
    return {"serverCaCerts": [_certificate(answer["authority"])]}


def _certificate(authority: str) -> Values:
    told = described(authority)
    return {
        "cert": told["cert"],
        "commonName": "Google Cloud SQL Server CA",
        "createTime": told["createTime"],
        "expirationTime": told["expireTime"],
        "sha1Fingerprint": told["sha1Fingerprint"],
    }


def _is_kept(cloud: Cloud, instance: str) -> bool:
    return stores.is_kept(cloud, f"{instance}{ENDING}")


def _read(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values | None:
    if _runs_here(inputs) and not _is_kept(cloud, str(outputs["name"])):
        return None
    return {}


def _remove(cloud: Cloud, inputs: Inputs, place: Place, old: Values) -> None:
    if old.get("deletionProtection"):
        raise Refused(
            "Error, failed to delete instance because deletion_protection is set to true. Set it to false to proceed"
            " with instance deletion (here: set deletionProtection to false and run `up`)"
        )
    if _is_kept(cloud, str(old["name"])):
        stores.delete(cloud, f"{old['name']}{ENDING}")


def _outputs(inputs: Inputs, place: Place) -> Values:
    number = digits(place.id, 12)
    link = f"projects/{number}-tp/regions/{place.region}/serviceAttachments/a-{number}-psc-service-attachment"
    facts = facts_of(INSTANCE)
    assert facts is not None  # for the type checker  # nosec B101
    return {
        **{name: shaped(facts.properties[name], place) for name in facts.computed if name not in inputs},
        "connectionName": f"{place.project}:{place.region}:{inputs.get('name')}",
        "pscServiceAttachmentLink": link,
        "selfLink": f"https://sqladmin.googleapis.com/sql/v1beta4/{place.id}",
    }


def endpoint(cloud: Cloud, attachment: str) -> str | None:
    """Where whoever reaches an instance by its service attachment finds the server: host and port. None where nothing
    runs behind it."""
    for record in cloud.all(INSTANCE):
        name = str(record.inputs.get("name"))
        if record.outputs.get("pscServiceAttachmentLink") == attachment and _is_kept(cloud, name):
            return f"127.0.0.1:{_server(cloud, name).port}"
    return None


def _server(cloud: Cloud, instance: str) -> PostgresServer:
    try:
        return PostgresServer.restored(cloud, cloud.run / "stores" / f"{instance}{ENDING}.json")
    except Damaged as problem:
        raise Refused(f"the record of the instance {instance} is damaged: {problem}") from None


@contextmanager
def _administrator(cloud: Cloud, instance: str, database: str = "postgres") -> Iterator[Any]:
    """A connection to an instance's server, as its administrator."""
    import pg8000.native

    client.ensure(cloud)
    try:
        connection = _server(cloud, instance).connected(database)
    except (OSError, pg8000.native.Error) as problem:
        raise Refused(f"the instance {instance} does not answer: {type(problem).__name__}") from None
    try:
        yield connection
    except pg8000.native.DatabaseError as problem:
        told = problem.args[0] if problem.args and isinstance(problem.args[0], dict) else {}
        raise Refused(f"googleapi: Error 400: Invalid request: {told.get('M', problem)}., invalid") from None
    finally:
        connection.close()


def _make_role(connection: Any, name: str, attributes: str) -> None:
    known = connection.run("SELECT 1 FROM pg_roles WHERE rolname = :name", name=name)
    connection.run(f"{'ALTER' if known else 'CREATE'} ROLE {quoted(name)} {attributes}")


def _make_database(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values:
    instance, name = str(inputs["instance"]).rpartition("/")[2], str(inputs["name"])
    if _is_kept(cloud, instance):
        with _administrator(cloud, instance) as connection:
            if not connection.run("SELECT 1 FROM pg_database WHERE datname = :name", name=name):
                connection.run(f"CREATE DATABASE {quoted(name)} OWNER {quoted(OWNER)}")
    return {}


def _drop_database(cloud: Cloud, inputs: Inputs, place: Place, old: Values) -> None:
    _drop(cloud, old, f"DROP DATABASE IF EXISTS {quoted(str(old['name']))} WITH (FORCE)")


def _make_user(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values:
    instance, name = str(inputs["instance"]).rpartition("/")[2], str(inputs["name"])
    if not _is_kept(cloud, instance):
        return {}
    by_iam = str(inputs.get("type") or "BUILT_IN") != "BUILT_IN"
    password = iam.store_token(cloud) if by_iam else str(inputs.get("password") or inputs.get("passwordWo") or "")
    # Who is let in by IAM has no role but those that are named; others have what Google gives them.
    roles = [str(role) for role in inputs.get("databaseRoles") or (() if by_iam else (OWNER,))]
    with _administrator(cloud, instance) as connection:
        _make_role(connection, name, f"LOGIN PASSWORD '{verifier(password)}'" if password else "LOGIN")
        for role in roles:
            connection.run(f"GRANT {quoted(role)} TO {quoted(name)}")
    return {}


def _drop_user(cloud: Cloud, inputs: Inputs, place: Place, old: Values) -> None:
    _drop(cloud, old, f"DROP ROLE IF EXISTS {quoted(str(old['name']))}")


def _drop(cloud: Cloud, old: Values, statement: str) -> None:
    instance = str(old["instance"]).rpartition("/")[2]
    if _is_kept(cloud, instance) and old.get("deletionPolicy") != "ABANDON":
        with _administrator(cloud, instance) as connection:
            connection.run(statement)


RESOURCES = {
    INSTANCE: Resource(
        id="projects/{project}/instances/{name}",
        kind="real",
        outputs=_outputs,
        recorded=lambda inputs, place: {},
        create=_run,
        delete=_remove,
        read=_read,
    ),
    DATABASE: Resource(
        id="projects/{project}/instances/{instance}/databases/{name}",
        recorded=lambda inputs, place: {},
        create=_make_database,
        delete=_drop_database,
    ),
    USER: Resource(
        id="{name}//{instance}",
        recorded=lambda inputs, place: {},
        create=_make_user,
        delete=_drop_user,
    ),
}
