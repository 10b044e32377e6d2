"""Cloud SQL: who reaches a database, over what, what it records, and whether it can be brought back."""

from collections.abc import Callable, Sequence

from policies.rule import (
    ADVISORY,
    CRITICAL,
    HIGH,
    LOW,
    MEDIUM,
    Framework,
    Level,
    Resource,
    Rule,
    checkov,
    cis,
    rule,
    trivy,
)
from policies.rules.network import is_world
from policies.value import Finding, Findings, Undecided, Value, Violation, equals, find, forbid, require
from policies.wants import Want, begins, one_of, settings, where

INSTANCE = "gcp:sql/databaseInstance:DatabaseInstance"
USER = "gcp:sql/user:User"

_PRIMARY = where("masterInstanceName", lambda name: not name)
_POSTGRES = where("databaseVersion", begins("POSTGRES"))
_OLD = (
    "MYSQL_5_", "POSTGRES_9_", "POSTGRES_10", "POSTGRES_11", "POSTGRES_12", "POSTGRES_13", "SQLSERVER_2014",
    "SQLSERVER_2017",
)  # fmt: skip
"""Versions that their makers no longer maintain."""


def _primary_postgres(instance: Resource) -> bool | Value:
    primary = _PRIMARY(instance)
    return _POSTGRES(instance) if primary is True else primary


public_address = settings(
    "sql-no-public-address",
    "A database has no address that the internet reaches.",
    types=[INSTANCE],
    severity=HIGH,
    wants=[Want("settings.ipConfiguration.ipv4Enabled", equals(False), "has a public address", default=True)],
    frameworks=[cis("6.7"), checkov("CKV_GCP_60"), trivy("GCP-0017")],
    fix='Set settings.ip_configuration={"ipv4_enabled": False, "private_network": …}, or use Private Service Connect.',
)


@rule(
    "sql-not-open-to-world",
    "No database lets every address in.",
    types=[INSTANCE],
    severity=CRITICAL,
    frameworks=[cis("6.5"), checkov("CKV_GCP_11"), trivy("GCP-0017")],
    fix="Take the network out of authorized_networks; connect by the Auth Proxy or a private address.",
)
def not_open_to_world(instance: Resource) -> Findings:
    for network in instance.each("settings.ipConfiguration.authorizedNetworks"):
        yield forbid(network["value"], lambda text: is_world(str(text)), "lets every address in")


@rule(
    "sql-encrypted-connections",
    "A database takes encrypted connections alone.",
    types=[INSTANCE],
    severity=HIGH,
    frameworks=[cis("6.4"), checkov("CKV_GCP_6"), trivy("GCP-0015")],
    fix='Set settings.ip_configuration={"ssl_mode": "ENCRYPTED_ONLY"} or "TRUSTED_CLIENT_CERTIFICATE_REQUIRED".',
)
def encrypted_connections(instance: Resource) -> Findings:
    mode, required = (instance.at(f"settings.ipConfiguration.{name}") for name in ("sslMode", "requireSsl"))
    safe = one_of("ENCRYPTED_ONLY", "TRUSTED_CLIENT_CERTIFICATE_REQUIRED")
    if required.known and required.content is True and mode.absent:
        return
    finding = require(mode, safe, "takes connections without encryption")
    yield Undecided(required.path) if finding and mode.absent and required.unknown else finding


backups = settings(
    "sql-backups",
    "A database is backed up by itself.",
    types=[INSTANCE],
    wants=[Want("settings.backupConfiguration.enabled", equals(True), "is not backed up", default=False)],
    frameworks=[cis("6.8"), checkov("CKV_GCP_14"), trivy("GCP-0024")],
    applies=_PRIMARY,
    fix='Set settings.backup_configuration={"enabled": True}.',
)

point_in_time = settings(
    "sql-mysql-point-in-time",
    "A MySQL database can go back to any moment.",
    types=[INSTANCE],
    severity=LOW,
    level=ADVISORY,
    wants=[Want("settings.backupConfiguration.binaryLogEnabled", equals(True), "keeps no binary log", default=False)],
    frameworks=[checkov("CKV2_GCP_20")],
    applies=where("databaseVersion", begins("MYSQL")),
    fix='Set settings.backup_configuration={"binary_log_enabled": True}.',
)

postgres_point_in_time = settings(
    "sql-postgres-point-in-time",
    "A PostgreSQL database can go back to any moment.",
    types=[INSTANCE],
    severity=LOW,
    level=ADVISORY,
    wants=[
        Want(
            "settings.backupConfiguration.pointInTimeRecoveryEnabled",
            equals(True),
            "keeps no log to go back by",
            default=False,
        )
    ],
    applies=_primary_postgres,
    fix='Set settings.backup_configuration={"enabled": True, "point_in_time_recovery_enabled": True}.',
)

second_zone = settings(
    "sql-second-zone",
    "A database of production has a second zone that takes over.",
    types=[INSTANCE],
    severity=LOW,
    level=ADVISORY,
    stacks=["prod*"],
    wants=[Want("settings.availabilityType", equals("REGIONAL"), "goes with its zone", default="ZONAL")],
    applies=_PRIMARY,
    fix='Set settings.availability_type="REGIONAL".',
)

deletion_protection = settings(
    "sql-deletion-protection",
    "A database of production refuses to be deleted.",
    types=[INSTANCE],
    stacks=["prod*"],
    wants=[Want("deletionProtection", equals(True), "deletion protection is off", default=True)],
    frameworks=[cis("6.9")],
    fix="Set deletion_protection=True, and settings.deletion_protection_enabled=True for what others delete.",
)

maintained_version = settings(
    "sql-maintained-version",
    "A database is of a version that is still maintained.",
    types=[INSTANCE],
    level=ADVISORY,
    wants=[Want("databaseVersion", lambda version: not str(version).startswith(_OLD), "is of an old version")],
    frameworks=[checkov("CKV_GCP_79")],
    fix="Choose a newer database_version, such as POSTGRES_17, MYSQL_8_4 or SQLSERVER_2022_STANDARD.",
)


@rule(
    "sql-users-have-passwords",
    "Nobody administers a MySQL database from anywhere without a password.",
    types=[USER],
    severity=CRITICAL,
    frameworks=[cis("6.1.1"), checkov("CKV2_GCP_7")],
    fix="Give the user a password that is marked secret, or use IAM (type CLOUD_IAM_SERVICE_ACCOUNT).",
)
def users_have_passwords(user: Resource) -> Findings:
    name, kind = user["name"], user["type"]
    if (name.known and name.text.lower() not in {"root", "admin", "administrator"}) or (
        kind.known and "IAM" in kind.text
    ):
        return
    passwords = [user[key] for key in ("password", "passwordWo")]
    if any(password.known and password.text for password in passwords):
        return
    unknown = next((value for value in (name, kind, *passwords) if value.unknown), None)
    yield Undecided(unknown.path) if unknown else Violation("password", "an administrator has no password")


def _flags(
    name: str,
    description: str,
    engine: str,
    flags: Sequence[tuple[str, Callable[[object], bool], str, Sequence[Framework]]],
    fix: str,
    level: Level = ADVISORY,
) -> Rule:
    """A rule of one engine's flags: the name, what it may be, what it is where it is not set (empty: not set)."""

    @rule(
        name,
        description,
        types=[INSTANCE],
        severity=MEDIUM if level != ADVISORY else LOW,
        level=level,
        frameworks=[framework for _, _, _, frameworks in flags for framework in frameworks],
        fix=fix,
    )
    def check(instance: Resource) -> Findings:
        version = instance["databaseVersion"]
        if version.known and not version.text.startswith(engine) or version.absent:
            return
        given = instance.each("settings.databaseFlags")
        found = [(flag, _flag(given, flag, fits, default)) for flag, fits, default, _ in flags]
        wrong = [flag for flag, finding in found if isinstance(finding, Violation)]
        if wrong and version.unknown:
            yield Undecided(version.path)
        elif wrong:
            yield _set_otherwise(wrong)
        yield from (finding for _, finding in found if isinstance(finding, Undecided))

    return check


def _set_otherwise(flags: Sequence[str]) -> Violation:
    """One fact for all flags of an instance."""
    told = "is not set as it should be" if len(flags) == 1 else "are not set as they should be"
    return Violation("settings.databaseFlags", f"{', '.join(flags)} {told}")


def _flag(given: list[Value], flag: str, fits: Callable[[object], bool], default: str) -> Finding:
    entry = find(given, "name", flag)
    if entry.unknown:
        return Undecided(entry.path)
    value = entry["value"]
    if value.unknown:
        return Undecided(value.path)
    content = value.text if value.known else default
    return None if fits(content) else _set_otherwise([flag])


_ON, _OFF = one_of("on"), one_of("off", "")
_QUIET = (
    "error",
    "log",
    "fatal",
    "panic",
    "warning",
    "notice",
    "info",
    "debug1",
    "debug2",
    "debug3",
    "debug4",
    "debug5",
)

mysql_flags = _flags(
    "sql-mysql-flags",
    "A MySQL database shows nobody else's databases and loads no local files.",
    "MYSQL",
    [
        ("skip_show_database", _ON, "off", [cis("6.1.2")]),
        ("local_infile", one_of("off"), "on", [cis("6.1.3"), checkov("CKV_GCP_50"), trivy("GCP-0026")]),
    ],
    fix="Set the database flags skip_show_database=on and local_infile=off.",
)

postgres_records = _flags(
    "sql-postgres-records",
    "A PostgreSQL database records who connects, what waits, and what changes.",
    "POSTGRES",
    [
        ("log_error_verbosity", one_of("default", "terse"), "default", [cis("6.2.1")]),
        ("log_connections", _ON, "off", [cis("6.2.2"), checkov("CKV_GCP_52"), trivy("GCP-0016")]),
        ("log_disconnections", _ON, "off", [cis("6.2.3"), checkov("CKV_GCP_53"), trivy("GCP-0022")]),
        ("log_statement", one_of("ddl", "mod", "all"), "none", [cis("6.2.4"), checkov("CKV_GCP_111")]),
        ("log_min_messages", one_of(*_QUIET), "warning", [cis("6.2.5"), checkov("CKV_GCP_55"), trivy("GCP-0018")]),
        ("log_min_error_statement", one_of(*_QUIET), "error", [cis("6.2.6"), checkov("CKV_GCP_109")]),
        ("cloudsql.enable_pgaudit", _ON, "off", [cis("6.2.8"), checkov("CKV_GCP_110")]),
        ("log_checkpoints", _ON, "on", [checkov("CKV_GCP_51"), trivy("GCP-0025")]),
        ("log_lock_waits", _ON, "off", [checkov("CKV_GCP_54"), trivy("GCP-0020")]),
        ("log_hostname", _ON, "off", [checkov("CKV_GCP_108")]),
        ("log_duration", _ON, "off", [checkov("CKV2_GCP_13")]),
        ("log_temp_files", one_of("0"), "", [checkov("CKV_GCP_56"), trivy("GCP-0014")]),
    ],
    fix="Set the flags log_connections, log_disconnections, log_checkpoints, log_lock_waits, log_hostname, "
    "log_duration and cloudsql.enable_pgaudit to on, log_statement to ddl and log_temp_files to 0.",
)

postgres_silent = _flags(
    "sql-postgres-silent",
    "A PostgreSQL database writes no statements with their values, and no statistics of its own work, into the log.",
    "POSTGRES",
    [
        ("log_min_duration_statement", one_of("-1"), "-1", [cis("6.2.7"), checkov("CKV_GCP_57"), trivy("GCP-0021")]),
        ("log_executor_stats", _OFF, "off", [checkov("CKV2_GCP_14")]),
        ("log_parser_stats", _OFF, "off", [checkov("CKV2_GCP_15")]),
        ("log_planner_stats", _OFF, "off", [checkov("CKV2_GCP_16")]),
        ("log_statement_stats", _OFF, "off", [checkov("CKV2_GCP_17")]),
    ],
    fix="Take the flags out, or set log_min_duration_statement to -1 and the statistics to off.",
    level=ADVISORY,
)

sqlserver_flags = _flags(
    "sql-sqlserver-flags",
    "A SQL Server database runs no scripts from outside, chains no owners, and keeps its users to itself.",
    "SQLSERVER",
    [
        ("external scripts enabled", _OFF, "off", [cis("6.3.1")]),
        (
            "cross db ownership chaining", one_of("off"), "off",
            [cis("6.3.2"), checkov("CKV_GCP_58"), trivy("GCP-0019")],
        ),
        ("user connections", one_of("0", ""), "0", [cis("6.3.3")]),
        ("user options", one_of(""), "", [cis("6.3.4")]),
        ("remote access", one_of("off"), "on", [cis("6.3.5")]),
        ("3625", _ON, "off", [cis("6.3.6")]),
        (
            "contained database authentication", one_of("off"), "off",
            [cis("6.3.7"), checkov("CKV_GCP_59"), trivy("GCP-0023")],
        ),
    ],
    fix='Set the flags "remote access" to off and "3625" to on, and take the others out or set them to off.',
)  # fmt: skip


@rule(
    "sql-iam-authentication",
    "People and services log in to a database by their own identity (IAM), not by a shared password.",
    types=[INSTANCE],
    severity=LOW,
    level=ADVISORY,
    frameworks=[cis("6.6")],
    fix="Set the flag cloudsql.iam_authentication (MySQL: cloudsql_iam_authentication) to on.",
)
def iam_authentication(instance: Resource) -> Findings:
    version = instance["databaseVersion"]
    if version.unknown:
        yield Undecided(version.path)
    elif version.text.startswith(("POSTGRES", "MYSQL")):
        flag = "cloudsql.iam_authentication" if version.text.startswith("POSTGRES") else "cloudsql_iam_authentication"
        yield _flag(instance.each("settings.databaseFlags"), flag, _ON, "off")
