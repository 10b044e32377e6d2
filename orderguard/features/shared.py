"""What was known of each order's entities before it, over columns: what serving counts in histories."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from orderguard.features.columns import Coded, Columns, digests_of
from orderguard.features.company import DAY, HOUR, WEEK, company
from orderguard.features.facts import Facts
from orderguard.history import ENTITIES, NO_MINUTE, REMEMBERED, REMEMBERED_OF_ENTITY, CustomerHistory, EntityHistory
from orderguard.history.entity import SILENT_DAYS

Indices = NDArray[np.int64]
Floats = NDArray[np.float64]

OWN = ("cards", "addresses")


class Sightings(NamedTuple):
    """n orders in time order as entities of one kind see them: which each names ("" for none), when it was placed, the
    digests of its customer and its card, and the minute of the day; (n,) each.
    """

    entity: Coded
    at: Floats
    customer: Indices
    card: Floats
    minute: Floats


class Purchases(NamedTuple):
    """n orders in time order as their customers see them: when each was placed, the minute of the day, and the digests
    of its card and of where it goes; (n,) each.
    """

    customer: Coded
    at: Floats
    minute: Floats
    card: Floats
    address: Floats


def sightings(columns: Columns, name: str, customer: Indices) -> Sightings:
    """The orders as the entities of this kind see them. `customer` (n,) are the digests of the customers' tokens."""
    numbers = columns.numbers
    return Sightings(columns.entities[name], numbers["at"], customer, numbers["card"], numbers["minute"])


def shared_facts(
    columns: Columns,
    customers: Mapping[str, CustomerHistory],
    entities: Sequence[Mapping[str, EntityHistory]],
) -> dict[str, Floats]:
    """What features of the group "shared" are made of, each of shape (n,). Orders are in time order."""
    customer = digests_of(columns.customers)
    facts = {
        f"{name}_company": company_of(sightings(columns, name, customer), known)
        for name, known in zip(ENTITIES, entities, strict=True)
    }
    own = (columns.numbers[name] for name in ("at", "minute", "card", "address"))
    return facts | own_facts(Purchases(columns.customers, *own), customers)


def company_of(seen: Sightings, known: Mapping[str, EntityHistory]) -> Floats:
    """`company` of each order that names an entity of the kind, (n,); 0 of the others."""
    entity, result = seen.entity, np.zeros(len(seen.at))
    rows = np.flatnonzero(entity.index != entity.values.index("")) if "" in entity.values else np.arange(len(seen.at))
    if not len(rows):
        return result
    tokens = entity.values if known else ()
    histories = [(number, known[token]) for number, token in enumerate(tokens) if token in known]
    earlier = sum(len(history.at) for _, history in histories)
    group, at, customers, cards = (
        np.concatenate([np.array([value for part in before for value in part], dtype=column.dtype), column[rows]])
        for before, column in (
            ([[number] * len(history.at) for number, history in histories], entity.index),
            ([history.at for _, history in histories], seen.at),
            ([history.customers for _, history in histories], seen.customer),
            ([history.cards for _, history in histories], seen.card),
        )
    )
    # What one customer alone uses, with one card, nobody shares: most of it.
    shared = _of_several(group, customers) | _of_several(group, cards)
    by_entity = np.flatnonzero(shared)
    by_entity = by_entity[np.argsort(group[by_entity], kind="stable")]
    group, at = group[by_entity], at[by_entity]
    first_at, before = np.full(len(group), np.nan), np.zeros(len(group))
    in_use = set(group.tolist()) if histories else set()
    histories = [(number, history) for number, history in histories if number in in_use and history.at]
    begins = np.searchsorted(group, [number for number, _ in histories])
    told = [history for _, history in histories]
    first_at[begins] = [history.first_at for history in told]
    before[begins] = [history.count - len(history.at) for history in told]
    group = lives(group, at)
    orders, (others, other_cards) = recent(
        group, at, (customers[by_entity], cards[by_entity].astype(np.int64)), REMEMBERED_OF_ENTITY
    )
    begin = begins_of(group)
    first_at = np.where(np.isnan(first_at), at, first_at)[begin]
    usual_seconds = np.maximum(at - WEEK - first_at, 0.0)
    hour, day, week = np.maximum(others, other_cards).astype(np.float64)
    clock = _clock(seen.minute[rows], earlier)[by_entity]
    facts = Facts(
        {
            "others_1h": hour * clock,
            "others_24h": day,
            "others_7d": week,
            "usual_orders": before[begin] + (np.arange(len(group)) - begin) - orders,
            "usual_seconds": usual_seconds,
        }
    )
    found = np.zeros(len(shared))
    found[by_entity] = np.where(week > 0.0, company(facts, np), 0.0)
    result[rows] = found[earlier:]
    return result


def _of_several(group: Indices, value: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each row (n,) is of a group in which there are several values."""
    one = np.zeros(group.max(initial=-1) + 1, value.dtype)
    one[group] = value
    several = np.zeros(len(one), dtype=bool)
    several[group[value != one[group]]] = True
    found: NDArray[np.bool_] = several[group]
    return found


def own_facts(bought: Purchases, known: Mapping[str, CustomerHistory]) -> dict[str, Floats]:
    """Of each order the other cards that its customer paid with lately, and the other addresses, (n,) each."""
    tokens = bought.customer.values if known else ()
    histories = [(number, known[token]) for number, token in enumerate(tokens) if token in known]
    earlier = sum(len(history.at) for _, history in histories)
    group, at, cards, addresses = (
        np.concatenate([np.array([value for part in before for value in part], dtype=column.dtype), column])
        for before, column in (
            ([[number] * len(history.at) for number, history in histories], bought.customer.index),
            ([history.at for _, history in histories], bought.at),
            ([history.cards for _, history in histories], bought.card),
            ([history.addresses for _, history in histories], bought.address),
        )
    )
    by_customer = np.flatnonzero(_of_several(group, cards) | _of_several(group, addresses))
    by_customer = by_customer[np.argsort(group[by_customer], kind="stable")]
    clock = _clock(bought.minute, earlier)[by_customer]
    _, counts = recent(
        group[by_customer],
        at[by_customer],
        (cards[by_customer].astype(np.int64), addresses[by_customer].astype(np.int64)),
        REMEMBERED,
    )
    facts = {}
    for name, (hour, day, week) in zip(OWN, counts, strict=True):
        found = np.zeros(len(group))
        found[by_customer] = np.maximum(hour * clock, np.maximum(day / 2.0, week / 4.0))
        facts[f"own_{name}"] = found[earlier:]
    return facts


def _clock(minute: Floats, earlier: int) -> NDArray[np.bool_]:
    """Whether the hour is known of each of the earlier orders, which nobody asks about, and of those of these minutes.
    Without it nothing was in the same hour.
    """
    return np.concatenate([np.ones(earlier, dtype=bool), minute < NO_MINUTE])


def recent(group: Indices, at: Floats, values: Sequence[Indices], most: int) -> tuple[Indices, list[Indices]]:
    """What came before each row in its group, among the last `most` rows: orders in a week (n,), and for each kind of
    value how many others there were in an hour, a day and a week (3, n). Rows are sorted by group and in it by time.

    A walk back that each row leaves after a week. A value counts where it stands for the last time before the row, so
    once; the row's own stands there again, and 0 is none. Most rows have no other within a week, and are left out.
    """
    near = np.zeros(len(group), dtype=bool)
    near[1:] = (group[1:] == group[:-1]) & (at[:-1] >= at[1:] - WEEK)
    kept = np.flatnonzero(near | np.append(near[1:], False))
    orders = np.zeros(len(group), dtype=np.int64)
    found = [np.zeros((3, len(group)), dtype=np.int64) for _ in values]
    orders[kept], counts = _walk_back(group[kept], at[kept], [value[kept] for value in values], most)
    for count, result in zip(counts, found, strict=True):
        result[:, kept] = count
    return orders, found


def _walk_back(group: Indices, at: Floats, values: Sequence[Indices], most: int) -> tuple[Indices, list[Indices]]:
    count = len(group)
    orders = np.zeros(count, dtype=np.int64)
    found = [np.zeros((3, count), dtype=np.int64) for _ in values]
    followers = [np.where(value != 0, _next_same(group, value), -1) for value in values]
    rows = np.arange(count)
    for back in range(1, most + 1):
        rows = rows[rows >= back]
        then = rows - back
        stays = (group[then] == group[rows]) & (at[then] >= at[rows] - WEEK)
        rows, then = rows[stays], then[stays]
        if not len(rows):
            break
        orders[rows] += 1
        day, hour = at[then] >= at[rows] - DAY, at[then] >= at[rows] - HOUR
        for follower, (in_hour, in_day, in_week) in zip(followers, found, strict=True):
            new = follower[then] > rows
            in_week[rows] += new
            in_day[rows] += new & day
            in_hour[rows] += new & hour
    return orders, found


def _next_same(group: Indices, value: Indices) -> Indices:
    """The next row of the same group with the same value; beyond the last row where there is none."""
    count = len(group)
    order = np.lexsort((value, group))
    same = (group[order[1:]] == group[order[:-1]]) & (value[order[1:]] == value[order[:-1]])
    following = np.full(count, count)
    following[order[:-1][same]] = order[1:][same]
    return following


def lives(group: Indices, at: Floats, days: float = SILENT_DAYS) -> Indices:
    """Entities or customers (n,) as numbers that change also where one starts over after so many days, see
    `orderguard.history.is_silent`.
    """
    anew = np.zeros(len(group), dtype=bool)
    anew[1:] = (group[1:] != group[:-1]) | (at[1:] - at[:-1] > days * 86400)
    return np.cumsum(anew)


def begins_of(group: Indices) -> Indices:
    """The first row of each row's group; rows are sorted by group."""
    rows = np.arange(len(group))
    first = np.ones(len(group), dtype=bool)
    first[1:] = group[1:] != group[:-1]
    begin: Indices = np.maximum.accumulate(np.where(first, rows, 0)) if len(group) else rows
    return begin
