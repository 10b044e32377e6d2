"""What customers share without any harm: homes and devices, an office's network, a carrier's, a parcel shop, a till."""

from collections.abc import Sequence
from random import Random

from data.generator.customers import Person, address, device
from data.generator.places import COUNTRIES

TILLS = 3
CARRIERS = 12
PEOPLE_AN_OFFICE = 25
RESIDENTS = 20
PEOPLE_A_PARCEL_SHOP = 25


def share(people: Sequence[Person], random: Random) -> None:
    """Let people share what they order from, and where to: about a third of them share something."""
    tills, desk = [device(random) for _ in range(TILLS)], device(random)
    carriers = [network(random) for _ in range(CARRIERS)]
    for person in people:
        person.till, person.desk = random.choice(tills), desk
        if random.random() < 0.15:
            person.device = {**person.device, "ip": host(random.choice(carriers), random)}
        if random.random() < 0.06:
            move_in(person, random.choice(people), random)
    for _ in range(max(1, len(people) // 800)):
        office = network(random)
        for person in random.sample(people, min(PEOPLE_AN_OFFICE, len(people) // 5)):
            person.device = {**person.device, "ip": host(office, random)}
    for _ in range(max(1, len(people) // 600)):
        parcel_shop(people, random)
    for _ in range(max(1, len(people) // 2000)):
        residents(people, random)


def network(random: Random) -> str:
    """The first three parts of the addresses of a network."""
    return f"{random.choice((62, 80, 109, 178))}.{random.randrange(256)}.{random.randrange(256)}"


def host(network: str, random: Random) -> str:
    """An address in a network."""
    return f"{network}.{random.randrange(1, 255)}"


def move_in(person: Person, other: Person, random: Random) -> None:
    """Two people of one household: one address, often one device, sometimes one card."""
    if person.country is not other.country:
        return
    person.home = {**other.home, "name": person.home["name"]}
    if random.random() < 0.6:
        person.device = other.device
    if random.random() < 0.3:
        person.payment = other.payment


def parcel_shop(people: Sequence[Person], random: Random) -> None:
    """Some people of a country let their parcels be sent to one shop."""
    country = random.choices(COUNTRIES, [country.share for country in COUNTRIES])[0]
    shop = address(country, "Parcel Shop", random)
    near = [person for person in people if person.country is country]
    for person in random.sample(near, min(PEOPLE_A_PARCEL_SHOP, len(near) // 3)):
        person.second_address = {**shop, "name": person.home["name"]}


def residents(people: Sequence[Person], random: Random) -> None:
    """A house with one address and one network for many."""
    country = random.choices(COUNTRIES, [country.share for country in COUNTRIES])[0]
    house, lan = address(country, "Hall", random), network(random)
    near = [person for person in people if person.country is country]
    for person in random.sample(near, min(RESIDENTS, len(near) // 3)):
        person.home = {**house, "name": person.home["name"]}
        person.device = {**person.device, "ip": host(lan, random)}
