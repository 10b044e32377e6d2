"""Alerts, acts and outcomes in both databases."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, func, select

from app.desk import queue
from app.desk.acts import Acts
from app.desk.alerts import add_alerts, delete_older, forget
from app.desk.away import DeskAway, DeskRefused
from app.desk.contract import AlertFilter, Outcome
from app.desk.database import MIGRATIONS, Database
from app.desk.outcomes import Told, add_outcomes, all_outcomes
from app.desk.precision import interval, precision
from app.desk.queue import Who
from app.desk.tables import ALERT, EVENT, METADATA, OUTCOME
from app.problems import Problem
from delivery.migrations.__main__ import DIALECTS, scripts, sql_of
from orderguard.masking import Keyring, new_key_text
from tests.unit.app.desk.made import HOUR, NOW, alert

ALL = AlertFilter(state="all")


@pytest.fixture
def anna(keyring: Keyring) -> Who:
    return Who.of("Anna", keyring)


@pytest.fixture
def bob(keyring: Keyring) -> Who:
    return Who.of("Bob", keyring)


def act(database: Database, keyring: Keyring, who: Who, work: Callable[[Acts], Any], now: int = NOW) -> Any:
    with database.transaction() as connection:
        return work(Acts(connection, keyring, who, now))


def closing(alert_id: str) -> Callable[[Acts], Any]:
    return lambda acts: acts.close(alert_id, "fraud", "a note")


def kept(database: Database, keyring: Keyring, count: int = 40) -> list[str]:
    alerts = [alert(keyring, number) for number in range(count)]
    with database.transaction() as connection:
        add_alerts(connection, alerts)
    return [one.id for one in alerts]


def counted(connection: Connection, table: Any) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_migrations_make_the_tables_that_the_service_knows(database: Database) -> None:
    with database.transaction() as connection:
        ours = connection.dialect.name
        opts = {
            **{"compare_type": False, "compare_server_default": False},
            "include_object": lambda item, *_: item.info.get("only", ours) == ours,
        }
        context = MigrationContext.configure(connection, opts=opts)
        known = METADATA.tables["alembic_version"]
        assert [one for one in compare_metadata(context, METADATA) if known not in one] == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_sql_that_ships_is_what_alembic_writes(dialect: str) -> None:
    for found in scripts().walk_revisions():
        path = MIGRATIONS / f"{found.revision}.{dialect}.sql"
        assert path.read_text() == sql_of(found.revision, dialect), "run: python -m delivery.migrations"


def test_an_order_has_one_alert_however_often_it_comes(database: Database, keyring: Keyring, anna: Who) -> None:
    first, *_ = kept(database, keyring, 3)
    act(database, keyring, anna, lambda acts: acts.close(first, "fraud", ""))
    kept(database, keyring, 3)
    with database.transaction(write=False) as connection:
        assert counted(connection, ALERT) == 3
        assert queue.counts(connection, anna).closed == 1


@pytest.mark.parametrize("sort", queue.SORTS)
def test_pages_show_each_alert_once_and_in_order(
    database: Database, keyring: Keyring, anna: Who, sort: queue.Sort
) -> None:
    kept(database, keyring)
    rows, cursor = [], ""
    with database.transaction(write=False) as connection:
        while True:
            page = queue.page(connection, keyring, anna, AlertFilter(), sort, 7, cursor)
            assert page.total == page.counts.new == 40
            rows += page.alerts
            if page.next is None:
                break
            cursor = page.next
    assert sorted(row.order_id or "" for row in rows) == sorted(f"A-{number}" for number in range(40))
    keys = [{"score": -row.score, "value": -row.value, "age": row.made_at.timestamp()}[sort] for row in rows]
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    "asked, found",
    [
        ({"reason": "price"}, 14),
        ({"reason": "price", "model_version": "second"}, 7),
        ({"q": "A-5"}, 1),
        ({"q": "C-3"}, 6),
        ({"q": "mug-4 costs"}, 8),
        ({"q": "100 %"}, 40),
        ({"q": "and_so"}, 40),
        ({"q": "andXso"}, 0),
        ({"country": "DE", "channel": "app"}, 0),
        ({"since": "2026-09-21T14:13:20+00:00", "until": "2026-09-21T19:13:20Z"}, 5),
        ({"state": "mine"}, 0),
        ({"state": "closed"}, 0),
    ],
)
def test_filters_hold_together(
    database: Database, keyring: Keyring, anna: Who, asked: dict[str, Any], found: int
) -> None:
    kept(database, keyring)
    with database.transaction(write=False) as connection:
        assert queue.page(connection, keyring, anna, AlertFilter(**asked), "score", 100, "").total == found


def test_of_many_who_close_one_alert_at_once_one_does(database: Database, keyring: Keyring) -> None:
    ids = kept(database, keyring, 4)
    people = [Who.of(f"person {number}", keyring) for number in range(4)]

    def close(who: Who) -> list[str]:
        done = []
        for alert_id in ids:
            try:
                done.append(act(database, keyring, who, lambda acts: acts.close(alert_id, "fraud", "")).id)
            except Problem as problem:
                assert problem.kind == "alert-closed" and problem.more["who"] != who.name
        return done

    with ThreadPoolExecutor(len(people)) as threads:
        done = [alert_id for closed in threads.map(close, people) for alert_id in closed]
    assert sorted(done) == sorted(ids)
    with database.transaction(write=False) as connection:
        assert counted(connection, EVENT) == counted(connection, OUTCOME) == len(ids)


def test_what_another_person_has_is_theirs_until_it_is_taken_over(
    database: Database, keyring: Keyring, anna: Who, bob: Who
) -> None:
    (one,) = kept(database, keyring, 1)
    assert act(database, keyring, anna, lambda acts: acts.take(one, over=False)).mine
    assert act(database, keyring, anna, lambda acts: acts.take(one, over=False)).mine, "a second time is no mistake"
    for work in (
        lambda acts: acts.take(one, over=False),
        lambda acts: acts.release(one),
        lambda acts: acts.close(one, "other", ""),
    ):
        with pytest.raises(Problem) as raised:
            act(database, keyring, bob, work)
        assert (raised.value.status, raised.value.more["who"]) == (409, "Anna")
    assert act(database, keyring, bob, lambda acts: acts.take(one, over=True)).taken_by == "Bob"
    assert act(database, keyring, bob, lambda acts: acts.release(one)).state == "new"


def test_opening_again_withdraws_what_closing_told(database: Database, keyring: Keyring, anna: Who, bob: Who) -> None:
    (one,) = kept(database, keyring, 1)
    act(database, keyring, anna, lambda acts: acts.close(one, "fraud", "a note"))
    assert [row.outcome for row in all_outcomes(database)] == ["fraud"]
    row = act(database, keyring, bob, lambda acts: acts.reopen(one))
    assert (row.state, row.mine, row.outcome, row.closed_by) == ("taken", True, None, None)
    assert list(all_outcomes(database)) == []
    act(database, keyring, bob, lambda acts: acts.close(one, "genuine", ""), NOW + 1)
    assert [(row.outcome, row.at, row.source) for row in all_outcomes(database)] == [("genuine", NOW + 1, "desk")]


def test_many_are_closed_at_once_and_what_is_not_is_named(
    database: Database, keyring: Keyring, anna: Who, bob: Who
) -> None:
    first, second, *others = kept(database, keyring, 6)
    act(database, keyring, bob, lambda acts: acts.close(first, "fraud", ""))
    act(database, keyring, bob, lambda acts: acts.take(second, over=False))
    done = act(database, keyring, anna, lambda acts: acts.close_many([first, second, "none", *others], "genuine", ""))
    assert done.closed == 4
    told = [(refused.reason, refused.who) for refused in done.refused]
    assert told == [("closed", "Bob"), ("taken", "Bob"), ("unknown", None)]
    with pytest.raises(Problem) as raised:
        act(database, keyring, bob, lambda acts: acts.close_matching(AlertFilter(state="open"), 9, "other", ""))
    assert raised.value.kind == "alerts-changed"
    assert act(
        database, keyring, bob, lambda acts: acts.close_matching(AlertFilter(state="open"), 1, "other", "")
    ).closed


def test_an_outcome_is_one_however_often_it_is_told(database: Database, keyring: Keyring) -> None:
    kept(database, keyring, 2)
    told = [Told((keyring.token("order", f"A-{number}"),), None, "fraud", NOW, "bank") for number in (0, 1, 1, 9)]
    with database.transaction() as connection:
        assert add_outcomes(connection, told, NOW) == 3
        assert add_outcomes(connection, told, NOW + 5) == 0
        assert add_outcomes(connection, [told[0]._replace(outcome="genuine")], NOW) == 1
    rows = list(all_outcomes(database))
    assert len(rows) == 4 and rows == sorted(rows, key=lambda row: (row.at, row.order_token, row.outcome))
    with_alert = {row.order_token: (row.customer_token, row.fact) for row in rows}
    assert with_alert[told[0].orders[0]] == (keyring.token("customer", "C-0"), "price")
    assert with_alert[told[3].orders[0]] == (None, None)


def test_an_outcome_finds_an_alert_from_before_a_rotation(database: Database) -> None:
    old = new_key_text("k1")
    before = Keyring.from_text(old)
    after = Keyring.from_text(f"{new_key_text('k2')},{old}")
    (one,) = kept(database, before, 1)
    with database.transaction() as connection:
        add_outcomes(connection, [Told(tuple(after.tokens("order", "A-0")), None, "fraud", NOW, "bank")], NOW)
    assert [row.order_token for row in all_outcomes(database)] == [one]
    with database.transaction(write=False) as connection:
        page = queue.page(connection, after, Who.of("Anna", after), AlertFilter(q="A-0"), "score", 9, "")
    assert [row.order_id for row in page.alerts] == ["A-0"]


def test_the_newest_outcome_counts_for_precision(database: Database, keyring: Keyring) -> None:
    kept(database, keyring, 6)
    told: list[tuple[int, Outcome, int]] = [
        (0, "fraud", 1), (0, "genuine", 2),
        (1, "mistake", 1),
        (2, "fraud", 1),
        (3, "other", 1),
    ]  # fmt: skip
    with database.transaction() as connection:
        outcomes = [Told((keyring.token("order", f"A-{n}"),), None, outcome, NOW + at, "x") for n, outcome, at in told]
        add_outcomes(connection, outcomes, NOW)
        by_reason = precision(connection, "reason", 4, NOW + HOUR)
        by_week = precision(connection, "week", 4, NOW + HOUR)
    total = by_week.total
    assert (total.alerts, total.open, total.fraud, total.mistake, total.genuine, total.other) == (6, 2, 1, 1, 1, 1)
    assert (total.precision, total.low, total.high) == (0.6667, 0.2077, 0.9385)
    assert [row.value for row in by_week.rows] == ["2026-W39"]
    assert {row.value: row.precision for row in by_reason.rows} == {"price": 0.0, "quantity": 1.0, "pace": 1.0}


@pytest.mark.parametrize(
    "successes, trials, low, high",
    [
        (0, 0, None, None),
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_the_interval_is_wilsons(successes: int, trials: int, low: float | None, high: float | None) -> None:
    """The last is the example of Newcombe (1998), table I, method 3."""
    assert interval(successes, trials) == (low, high)


def test_a_customer_is_forgotten_and_nobody_else(database: Database, keyring: Keyring, anna: Who) -> None:
    ids = kept(database, keyring, 21)
    for alert_id in ids:
        act(database, keyring, anna, closing(alert_id))
    stranger = keyring.token("order", "B-1")
    with database.transaction() as connection:
        add_outcomes(connection, [Told((stranger,), None, "fraud", NOW, "bank")], NOW)
        assert forget(connection, [keyring.token("customer", "C-3")], [stranger]) == (3, 4)
        assert [counted(connection, table) for table in (ALERT, EVENT, OUTCOME)] == [18, 18, 18]
        assert forget(connection, [keyring.token("customer", "C-3")], [stranger]) == (0, 0)


def test_what_is_old_is_deleted_with_all_that_was_done(database: Database, keyring: Keyring, anna: Who) -> None:
    ids = kept(database, keyring, 10)
    for number, alert_id in enumerate(ids):
        act(database, keyring, anna, closing(alert_id), NOW + number * HOUR)
    with database.transaction() as connection:
        delete_older(connection, NOW + 4 * HOUR)
        assert [counted(connection, table) for table in (ALERT, EVENT, OUTCOME)] == [6, 6, 6]


def test_names_and_order_ids_lie_sealed(database: Database, keyring: Keyring) -> None:
    (one,) = kept(database, keyring, 1)
    act(database, keyring, Who.of("Anna Canary", keyring), lambda acts: acts.close(one, "fraud", ""))
    with database.transaction(write=False) as connection:
        held = [str(row) for table in (ALERT, EVENT, OUTCOME) for row in connection.execute(select(table))]
    assert not any("Canary" in row or "A-0" in row for row in held)


def test_a_value_that_the_database_does_not_take_is_no_absence(database: Database, keyring: Keyring) -> None:
    with pytest.raises(DeskRefused), database.transaction() as connection:
        add_alerts(connection, [alert(keyring, 1, score=None)])


def test_a_database_that_is_not_there_is_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for url in ("postgresql://nobody@127.0.0.1:1/none", f"sqlite:{tmp_path / 'file' / 'alerts.db'}"):
        with pytest.raises(DeskAway) as raised, Database(url, "a-password").transaction():
            pass
        assert "127.0.0.1" not in str(raised.value) and "a-password" not in str(raised.value)
