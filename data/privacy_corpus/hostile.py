"""Generator 7: texts with nothing personal that look as if there were: versions, measures, money, parts, parcels, logs.

Each kind of number stands in sentences that say what it is, as impersonal texts do; a number of which nothing is said
can't be told from a telephone number, and there is none here.
"""

import random
import uuid
from collections.abc import Callable, Iterator

from stdnum import ean, isbn

from data.privacy_corpus.samples import Sample

Maker = Callable[[random.Random], str]


def _digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choice("0123456789") for _ in range(count))


def _letters(chance: random.Random, count: int) -> str:
    return "".join(chance.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(count))


def _grouped(digits: str, size: int, mark: str = " ") -> str:
    return mark.join(digits[start : start + size] for start in range(0, len(digits), size))


def version(chance: random.Random) -> str:
    """A version of four parts."""
    return ".".join(str(chance.randint(0, high)) for high in (20, 12, 12, 30))


def versions(chance: random.Random) -> str:
    """Products and their versions."""
    number, other = version(chance), version(chance)
    product = chance.choice(
        "WebSphere OpenSSL JBoss Oracle Tomcat Windows Firefox MySQL LibreOffice iOS PostgreSQL QuickTime Chrome "
        "Photoshop Java Exchange PowerShell Android Jenkins nginx".split()
    )
    return chance.choice(
        (
            f"{product} {number}",
            f"{number} release notes",
            f"needs {product} {number} or newer",
            f"firmware {number} against {other}",
            f"version {number}",
            f"v{number}",
            f"upgraded from version {number} to {other}",
            f"driver {number} for the printer",
            f"Treiber-Version {number} fehlt",
            f"release {number}, build {_digits(chance, 5)}",
            f"nach dem Update {number} geht es nicht",
            f"mise à jour {number} du logiciel",
            f"BIOS {number} und Kernel {chance.randint(4, 6)}.{chance.randint(0, 20)}.0-{_digits(chance, 3)}",
            f"patch {number} fixes it",
        )
    )


def dimensions(chance: random.Random) -> str:
    """Sizes, in lists, ranges and products."""
    one, two, three = (chance.randint(10, 990) for _ in range(3))
    unit = chance.choice(("mm", "cm", "m", "in", '"', "px"))
    start = chance.choice((10, 20, 40, 60, 100))
    steps = [start + chance.choice((10, 20)) * step for step in range(4)]
    return chance.choice(
        (
            f"{one} x {two} x {three} {unit}",
            f"{one}x{two}x{three}{unit}",
            f"{one}-{two} {unit}",
            f"size {one} {two} {three}",
            f"pos {' '.join(f'{10 * step:03}' for step in range(1, 5))}",
            f"{' '.join(f'{step:03}' for step in steps[:3])} grit",
            f"sizes {' '.join(str(size) for size in range(36, 46, 2))}",
            f"Größen {' '.join(str(size) for size in range(36, 46, 2))} lieferbar",
            f"{_digits(chance, 3)} {_digits(chance, 3)} {_digits(chance, 3)} mm",
            "tailles 34 36 38 40",
            "Schleifpapier 060 080 100 120",
            f"M{chance.randint(3, 20)} x {chance.randint(10, 90)} DIN {_digits(chance, 3)}, {_digits(chance, 3)} pcs",
            f"{chance.randint(1, 9)}.{_digits(chance, 3)}.{_digits(chance, 3)} mm² total",
            f"tolerance ±0.{_digits(chance, 4)} at {one}.{_digits(chance, 2)} {unit}",
        )
    )


def measures(chance: random.Random) -> str:
    """Decimals, percentages, coordinates, electrical and other values."""
    return chance.choice(
        (
            f"-0.{_digits(chance, 16)}%",
            f"0.{_digits(chance, 15)}",
            f"{chance.randint(1, 99)}.{_digits(chance, 12)} kg",
            f"{chance.randint(-89, 89)}.{_digits(chance, 6)}, {chance.randint(-179, 179)}.{_digits(chance, 6)}",
            f"N {chance.randint(1, 89)}.{_digits(chance, 4)} E {chance.randint(1, 179)}.{_digits(chance, 4)}",
            f"+{chance.randint(10, 89)}.{_digits(chance, 6)}, -{chance.randint(10, 89)}.{_digits(chance, 6)}",
            f"{_digits(chance, 4)} mAh, {chance.randint(3, 20)}.{_digits(chance, 1)} V, 50/60 Hz, 100-240 V",
            f"mean {chance.randint(1, 9)}.{_digits(chance, 14)} sd 0.{_digits(chance, 14)}",
            f"1.{_digits(chance, 7)}e-{_digits(chance, 2)}",
            f"{chance.randint(1, 9)} {_digits(chance, 3)} {_digits(chance, 3)} kWh",
            f"score {chance.random()} threshold {chance.random()}",
            f"pi is 3.14159265358979{_digits(chance, 4)}",
            f"from -{chance.randint(1, 40)}.{_digits(chance, 2)} to +{chance.randint(1, 60)}.{_digits(chance, 2)} °C",
        )
    )


def money(chance: random.Random) -> str:
    """Prices and sums."""
    big = f"{chance.randint(1, 999)}"
    return chance.choice(
        (
            f"{big}.{_digits(chance, 3)}.{_digits(chance, 3)},{_digits(chance, 2)} €",
            f"${big},{_digits(chance, 3)},{_digits(chance, 3)}.{_digits(chance, 2)}",
            f"{big} {_digits(chance, 3)} {_digits(chance, 3)} Kč",
            f"{big} {_digits(chance, 3)} {_digits(chance, 3)},{_digits(chance, 2)} zł",
            f"EUR {big} {_digits(chance, 3)} {_digits(chance, 3)}",
            f"total {big}'{_digits(chance, 3)}'{_digits(chance, 3)}.00 CHF",
            f"paid {_digits(chance, 4)}.{_digits(chance, 2)} + {_digits(chance, 4)}.{_digits(chance, 2)} USD",
            f"Rs. {chance.randint(1, 99)},{_digits(chance, 2)},{_digits(chance, 3)}",
            "2 x 19.99 + 3 x 4.50 = 53.48",
            f"{big} {_digits(chance, 3)} {_digits(chance, 3)} EUR",
            f"R$ {big}.{_digits(chance, 3)},{_digits(chance, 2)}",
        )
    )


def moments(chance: random.Random) -> str:
    """Dates, times, periods."""
    year, month, day = chance.randint(1990, 2030), chance.randint(1, 12), chance.randint(1, 28)
    hour, minute, second = chance.randint(0, 23), chance.randint(0, 59), chance.randint(0, 59)
    return chance.choice(
        (
            f"{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{_digits(chance, 6)}Z",
            f"{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02},{_digits(chance, 3)}",
            f"{year}{month:02}{day:02}{hour:02}{minute:02}{second:02}",
            f"{day:02}.{month:02}.{year} - {day:02}.{month:02}.{year + 1}",
            f"{day:02}/{month:02}/{year} {hour:02}:{minute:02}",
            f"{day:02}-{month:02}-{year} {hour:02}-{minute:02}",
            f"between {year}-{month:02}-{day:02} and {year + 1}-{month:02}-{day:02}",
            f"timestamp {chance.randint(1_500_000_000, 1_800_000_000)}",
            f"epoch {chance.randint(1_500_000_000_000, 1_800_000_000_000)} ms",
            f"{day:02}.{month:02}.{year} {hour:02}.{minute:02} Uhr",
            f"{year} {month:02} {day:02}",
            f"seasons {year} {year + 1} {year + 2}",
            f"KW {month}/{year}, {hour:02}:00-{hour:02}:30",
            "open Mo-Fr 08.00-18.30, Sa 09.00-14.00",
        )
    )


def parcels(chance: random.Random) -> str:
    """Tracking numbers of many carriers, beside what says so."""
    carrier, number = chance.choice(
        (
            ("UPS", f"1Z{_letters(chance, 1)}{_digits(chance, 2)}{_letters(chance, 3)}{_digits(chance, 10)}"),
            ("FedEx", _grouped(_digits(chance, 12), 4)),
            ("FedEx", _digits(chance, 15)),
            ("USPS", _grouped("94" + _digits(chance, 20), 4)),
            ("USPS", "9205" + _digits(chance, 18)),
            ("DHL", f"JJD{_digits(chance, 18)}"),
            ("DHL", f"JVGL{_digits(chance, 16)}"),
            ("DHL Express", _digits(chance, 10)),
            ("DHL Paket", f"00340434{_digits(chance, 12)}"),
            ("DPD", _digits(chance, 14)),
            ("DPD", f"0{_digits(chance, 13)}"),
            ("GLS", _digits(chance, 11)),
            ("Hermes", _digits(chance, 14)),
            ("Evri", f"H{_digits(chance, 15)}"),
            ("Royal Mail", f"{_letters(chance, 2)}{_digits(chance, 9)}GB"),
            ("La Poste", f"6{_letters(chance, 1)}{_digits(chance, 11)}"),
            ("Chronopost", f"XY{_digits(chance, 9)}FR"),
            ("Correos", f"PQ{_letters(chance, 4)}{_digits(chance, 16)}"),
            ("PostNL", f"3S{_letters(chance, 4)}{_digits(chance, 9)}"),
            ("InPost", _digits(chance, 24)),
            ("Canada Post", _grouped(_digits(chance, 16), 4)),
            ("Australia Post", f"{_digits(chance, 2)}{_letters(chance, 3)}{_digits(chance, 7)}"),
            ("Japan Post", _grouped(_digits(chance, 12), 4, "-")),
            ("Yamato", _grouped(_digits(chance, 12), 4, "-")),
        )
    )
    return chance.choice(
        (
            f"{carrier} tracking number {number}",
            f"tracking: {number}",
            f"Sendungsnummer {number} ({carrier})",
            f"{carrier} Sendungsverfolgung: {number}",
            f"numéro de suivi {number}",
            f"suivi {carrier} : {number}",
            f"número de seguimiento {number}",
            f"codice di tracciamento {number}",
            f"trackingcode {number}",
            f"numer przesyłki {number}",
            f"código de rastreio {number}",
            f"kollinummer {number}",
            f"číslo zásilky {number}",
            f"where is parcel no. {number}?",
            f"waybill {number} shows no change",
            f"AWB {number}",
            f"shipment {number} was split",
            f"{number} is the tracking number",
        )
    )


def codes(chance: random.Random) -> str:
    """Order, article, EAN, ISBN, serial and such numbers, beside what says so."""
    body = chance.choice(("40", "50", "76", "30", "80", "87", "59", "00", "69")) + _digits(chance, 10)
    code = body + ean.calc_check_digit(body)
    book = "978" + chance.choice(("0", "1", "2", "3")) + _digits(chance, 8)
    book += ean.calc_check_digit(book)
    ten, eight, nine = _digits(chance, 10), _digits(chance, 8), _digits(chance, 9)
    return chance.choice(
        (
            f"EAN {code}",
            f"EAN {code[0]} {code[1:7]} {code[7:]}",
            f"GTIN {code}, UPC {_digits(chance, 12)}",
            f"ISBN {isbn.format(book)}",
            f"ISBN {book}",
            f"ISBN-10 {nine[:1]}-{nine[1:4]}-{nine[4:9]}-X",
            f"order {ten}",
            f"order no. {ten} and order no. {_digits(chance, 10)}",
            f"order number: {_grouped(_digits(chance, 12), 4)}",
            f"orders {eight}, {_digits(chance, 8)} and {_digits(chance, 8)}",
            f"Bestellnummer {ten}",
            f"Bestell-Nr.: {eight}",
            f"Best.-Nr. {_grouped(_digits(chance, 9), 3)}",
            f"Rechnung {ten} vom 04.03.2026",
            f"invoice {nine}",
            f"facture n° {ten}",
            f"n° de commande : {ten}",
            f"pedido nº {ten}",
            f"número de pedido {nine}",
            f"ordine n. {ten}",
            f"bestelnummer {ten}",
            f"numer zamówienia {ten}",
            f"ordernummer {ten}",
            f"číslo objednávky {ten}",
            f"Artikelnummer {_digits(chance, 3)}.{_digits(chance, 3)}.{_digits(chance, 2)}",
            f"item {_digits(chance, 6)}-{_digits(chance, 3)}",
            f"part no. {_digits(chance, 4)}-{_digits(chance, 3)}-{_digits(chance, 4)}",
            f"part number 0{_digits(chance, 3)} {_digits(chance, 3)} {_digits(chance, 3)}",
            f"Ersatzteil 0{_digits(chance, 2)} {_digits(chance, 3)} {_digits(chance, 2)} {_digits(chance, 2)}",
            f"serial number {_digits(chance, 12)}",
            f"S/N {_digits(chance, 10)}",
            f"IMEI {_digits(chance, 15)}",
            f"batch {eight}, lot {_digits(chance, 6)}",
            f"ref. {_digits(chance, 4)} {_digits(chance, 4)}",
            f"voucher {_digits(chance, 4)}-{_digits(chance, 4)}-{_digits(chance, 4)}",
            f"ticket #{_digits(chance, 7)}",
            f"HS code {_digits(chance, 4)}.{_digits(chance, 2)}.{_digits(chance, 4)}",
            f"SKU {_letters(chance, 3)}-{_digits(chance, 4)}-{_digits(chance, 4)}",
            f"Cisco CP-{_digits(chance, 4)}-{_letters(chance, 1)}-K9",
            f"model {_digits(chance, 3)}-{_digits(chance, 4)}{_letters(chance, 1)}",
            f"parts {_digits(chance, 6)}, {_digits(chance, 6)}, {_digits(chance, 6)}",
            f"{eight} is my order number",
            f"{ten} (order no.)",
        )
    )


def logs(chance: random.Random) -> str:
    """Lines of logs, hashes and identifiers that machines write."""
    year, month, day = 2026, chance.randint(1, 12), chance.randint(1, 28)
    stamp = f"{year}-{month:02}-{day:02} {chance.randint(0, 23):02}:{chance.randint(0, 59):02}:00"
    return chance.choice(
        (
            f"[{stamp}] INFO worker-{chance.randint(1, 99)} took {_digits(chance, 4)} ms, {_digits(chance, 7)} bytes",
            f"sha256:{chance.getrandbits(256):064x}",
            f"commit {chance.getrandbits(160):040x}",
            f'etag "{chance.getrandbits(128):032x}"',
            f"request {uuid.UUID(int=chance.getrandbits(128), version=4)}",
            f"job {uuid.UUID(int=chance.getrandbits(128), version=4)} done",
            f"{stamp},{_digits(chance, 3)} pid={_digits(chance, 5)} status=200 size={_digits(chance, 8)}",
            f"GET /products/{_digits(chance, 8)}?page=2 200 {_digits(chance, 6)}",
            f"error 0x{chance.getrandbits(32):08x} at 0x{chance.getrandbits(64):016x}",
            f"took {chance.randint(1, 9)}.{_digits(chance, 9)} s for {_digits(chance, 6)} rows",
            f"offset={_digits(chance, 9)} length={_digits(chance, 7)}",
            f"build {_digits(chance, 9)} of branch release-{_digits(chance, 2)}.{_digits(chance, 1)}",
            f"checksum {_digits(chance, 10)}",
            f"row {_digits(chance, 6)}: quantity=3;price=19.99;sku={_letters(chance, 2)}-{_digits(chance, 6)}",
            f"trace {chance.getrandbits(128):032x} span {chance.getrandbits(64):016x}",
            f"uptime {_digits(chance, 7)} s, load 0.{_digits(chance, 2)} 0.{_digits(chance, 2)} 0.{_digits(chance, 2)}",
        )
    )


def words(chance: random.Random) -> str:
    """Sentences with the words that announce a person and nothing of one."""
    return chance.choice(
        (
            "please call before delivery",
            "The card was declined twice",
            "the phone case does not fit the iPhone 15 Pro Max 256",
            f"mobile phone order {_digits(chance, 10)} is late",
            f"phone charger, 5 V 3 A, model {_digits(chance, 5)}",
            f"gift card order no. {_digits(chance, 8)}",
            f"call me about order {_digits(chance, 8)}",
            f"the card for order {_digits(chance, 8)} expired",
            f"Handyhülle Artikel {_digits(chance, 8)}",
            f"coque de téléphone, commande {_digits(chance, 10)}",
            f"funda de móvil, pedido {_digits(chance, 9)}",
            f"email said order {_digits(chance, 9)} shipped",
            f"bank holiday on {chance.randint(1, 28):02}.05.2026",
            f"tax invoice {_digits(chance, 10)}",
            f"passport cover, item {_digits(chance, 7)}",
            f"IP camera, {chance.randint(1, 9)} pcs, order {_digits(chance, 8)}",
            f"id {_letters(chance, 2)}{_digits(chance, 4)} of the product",
        )
    )


KINDS: tuple[Maker, ...] = (versions, dimensions, measures, money, moments, parcels, codes, logs, words)
FRAMES = (
    "{}",
    "{}.",
    "Hello, please check {}",
    "Bitte prüfen: {}",
    "note: {}",
    "{}, thanks",
    "Bonjour, merci de vérifier {}",
    "see below: {} and {}",
    "- {}\n- {}",
    "{} / {}",
)


def hostile(chance: random.Random, count: int) -> Iterator[Sample]:
    """`count` texts without anything personal; each kind of number comes equally often."""
    for index in range(count):
        kind = KINDS[index % len(KINDS)]
        frame = chance.choice(FRAMES)
        text = frame.format(*(kind(chance) for _ in range(frame.count("{}"))))
        yield Sample(text, (), "en", kind.__name__)
