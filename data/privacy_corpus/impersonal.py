"""Generator 5: texts with nothing personal, full of order, tracking, article, EAN and serial numbers, prices, sizes,
dates and versions.
"""

import random
from collections.abc import Iterator

from stdnum import ean

from data.privacy_corpus.samples import Sample, filled

_TEXTS = {
    "en": (
        "Order {order} has not arrived, tracking {tracking} shows no change since {date}.",
        "Please exchange sku {sku} for {sku2}, EAN {ean}.",
        "Invoice no. {invoice} lists item {ean} twice at {price} each.",
        "2 x {sku}, 3 x {sku2}, size {size}, colour {colour}, gift wrapped",
        "Where is parcel {tracking}? The order number is {order} of {date}.",
        "Serial number {serial}, firmware {version}, bought {date}",
        "Return label RMA {rma} for orders {order} and {order2}.",
        "Happy Birthday! Enjoy the chocolate.",
        "Thanks, best wishes from all of us",
        "Dear team, please ship with {carrier} before {date}, see https://shop.example/products/{slug}?colour=red",
        "Dear customer service, voucher {voucher} was not accepted for {price}.",
        "Tracking: {tracking}",
        "ordered at shop.example on {date} at {time}, paid {price}",
        "The box measures {measure} and weighs {weight}",
    ),
    "de": (
        "Bestellung {order} vom {date} fehlt noch, Sendungsnummer {tracking}.",
        "Artikelnummer {sku} gegen {sku2} tauschen, EAN {ean}",
        "Rechnung Nr. {invoice} enthält Artikel {ean} doppelt zu je {price}.",
        "Bitte als Geschenk verpacken, Größe {size}, Farbe {colour}.",
        "Seriennummer {serial}, Version {version}",
        "Liebes Team, Gutschein {voucher} über {price} geht nicht.",
        "Alles Gute zum Geburtstag!",
        "Viele Grüße",
        "Paket {tracking} bitte mit {carrier} bis {date} um {time} liefern, Maße {measure}",
        "Auftragsnummer {order}, Retoure {rma}",
    ),
    "fr": (
        "Commande {order} du {date} non reçue, suivi {tracking}.",
        "Échanger l'article {sku} contre {sku2}, EAN {ean}.",
        "Facture {invoice} : article {ean} compté deux fois à {price}.",
        "Numéro de série {serial}, taille {size}, couleur {colour}",
        "Bonjour, le colis {tracking} est bloqué. Merci",
        "Joyeux anniversaire !",
    ),
    "es": (
        "El pedido {order} del {date} no llega, seguimiento {tracking}.",
        "Cambiar el artículo {sku} por {sku2}, EAN {ean}.",
        "Factura {invoice}: el producto {ean} sale dos veces a {price}.",
        "Hola, talla {size}, color {colour}, número de serie {serial}",
        "¡Feliz cumpleaños!",
    ),
    "it": (
        "Ordine {order} del {date} non arrivato, spedizione {tracking}.",
        "Cambiare articolo {sku} con {sku2}, EAN {ean}.",
        "Fattura {invoice}: prodotto {ean} contato due volte a {price}",
        "Buongiorno, taglia {size}, colore {colour}, codice {voucher}",
    ),
    "nl": (
        "Bestelling {order} van {date} is er niet, zending {tracking}.",
        "Artikelnummer {sku} ruilen voor {sku2}, EAN {ean}.",
        "Factuur {invoice}: artikel {ean} staat er twee keer op voor {price}",
        "Beste team, maat {size}, kleur {colour}, trackingcode {tracking}",
    ),
    "pl": (
        "Zamówienie {order} z {date} nie dotarło, przesyłka {tracking}.",
        "Wymiana produktu {sku} na {sku2}, EAN {ean}.",
        "Faktura {invoice}: produkt {ean} policzony dwa razy po {price}",
        "Numer seryjny {serial}, rozmiar {size}",
    ),
    "pt": (
        "Pedido {order} de {date} não chegou, rastreio {tracking}.",
        "Trocar o artigo {sku} por {sku2}, EAN {ean}.",
        "Fatura {invoice}: produto {ean} cobrado duas vezes a {price}",
    ),
    "sv": (
        "Ordernummer {order} från {date} saknas, kollinummer {tracking}.",
        "Byt artikelnummer {sku} mot {sku2}, EAN {ean}.",
        "Hej, fakturanummer {invoice}, storlek {size}, {price}",
    ),
    "cs": (
        "Objednávka {order} z {date} nedorazila, zásilka {tracking}.",
        "Vyměnit zboží {sku} za {sku2}, EAN {ean}.",
        "Faktura {invoice}, produkt {ean}, {price}",
    ),
}


def impersonal(chance: random.Random, count: int) -> Iterator[Sample]:
    """`count` texts without any label."""
    languages = list(_TEXTS)
    for index in range(count):
        language = languages[index % len(languages)]
        values = {name: (value, None) for name, value in _values(chance).items()}
        yield filled(chance.choice(_TEXTS[language]), values, language, "impersonal")


def _values(chance: random.Random) -> dict[str, str]:
    return {
        "order": _order(chance),
        "order2": _order(chance),
        "tracking": _tracking(chance),
        "sku": _sku(chance),
        "sku2": _sku(chance),
        "ean": _ean(chance),
        "invoice": chance.choice(
            (
                f"INV-2026-{_digits(chance, 6)}",
                f"RE{_digits(chance, 8)}",
                _digits(chance, 10),
                f"2026/{_digits(chance, 5)}",
            )
        ),
        "serial": chance.choice(
            (
                _digits(chance, 12),
                f"SN{_digits(chance, 10)}",
                f"C02{_letters(chance, 4)}{_digits(chance, 5)}",
                _digits(chance, 15),
            )
        ),
        "rma": f"RMA{_digits(chance, 7)}",
        "voucher": f"{_letters(chance, 4)}-{_letters(chance, 4)}-{_digits(chance, 4)}",
        "version": f"v{chance.randint(1, 9)}.{chance.randint(0, 20)}.{chance.randint(0, 20)}.{chance.randint(0, 9)}",
        "date": chance.choice(("2026-03-04", "04.03.2026", "3/4/26", "4.3.", "2026/03/04", "04-03-2026")),
        "time": f"{chance.randint(0, 23):02}:{chance.randint(0, 59):02}:{chance.randint(0, 59):02}",
        "price": chance.choice(
            (
                f"{chance.randint(1, 999)}.99 EUR",
                f"{chance.randint(1, 9)}.{_digits(chance, 3)},50 €",
                f"${chance.randint(1, 99)},{_digits(chance, 3)}.00",
            )
        ),
        "size": chance.choice(("42", "XL", "38/32", "10.5", "104/110")),
        "colour": chance.choice(("#1A2B3C", "RAL 7016", "0815", "B4")),
        "slug": f"blue-shirt-{_digits(chance, 5)}",
        "carrier": chance.choice(("DHL", "UPS", "DPD", "GLS")),
        "measure": "120 x 60 x 30 cm",
        "weight": f"{chance.randint(1, 40)}.{_digits(chance, 3)} kg",
    }


def _order(chance: random.Random) -> str:
    return chance.choice(
        (
            _digits(chance, 8),
            _digits(chance, 10),
            _digits(chance, 12),
            _digits(chance, 16),
            f"{chance.randint(100, 999)}-{_digits(chance, 7)}-{_digits(chance, 7)}",
            f"#{_digits(chance, 5)}",
            f"S2026-{_digits(chance, 7)}",
            f"{_letters(chance, 2)}-{_digits(chance, 4)}-{_digits(chance, 4)}",
            f"{_digits(chance, 4)} {_digits(chance, 4)} {_digits(chance, 4)}",
        )
    )


def _tracking(chance: random.Random) -> str:
    return chance.choice(
        (
            f"1Z{_letters(chance, 3)}{_digits(chance, 13)}",
            f"JJD0{_digits(chance, 17)}",
            f"00340434{_digits(chance, 12)}",
            f"{_letters(chance, 2)}{_digits(chance, 9)}DE",
            _digits(chance, 12),
            _digits(chance, 14),
            _digits(chance, 15),
            f"94001{_digits(chance, 17)}",
            f"9400 {_digits(chance, 4)} {_digits(chance, 4)} {_digits(chance, 4)} {_digits(chance, 4)} "
            f"{_digits(chance, 2)}",
            f"{_digits(chance, 4)} {_digits(chance, 4)} {_digits(chance, 4)}",
            f"6A{_digits(chance, 11)}",
            f"H{_digits(chance, 19)}",
            _digits(chance, 11),
        )
    )


def _sku(chance: random.Random) -> str:
    return chance.choice(
        (
            f"{_letters(chance, 3)}-{_digits(chance, 4)}",
            f"{_digits(chance, 6)}-{_digits(chance, 3)}",
            f"{_letters(chance, 2)}{_digits(chance, 6)}",
            f"{_digits(chance, 3)}.{_digits(chance, 3)}.{_digits(chance, 2)}",
            _digits(chance, 8),
            f"B0{_letters(chance, 3)}{_digits(chance, 5)}",
            f"{_digits(chance, 4)}-{_letters(chance, 2)}-{_digits(chance, 2)}",
        )
    )


def _ean(chance: random.Random) -> str:
    body = chance.choice(("40", "50", "76", "30", "80", "87", "59", "00", "69")) + _digits(chance, 10)
    return body + ean.calc_check_digit(body)


def _digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choice("0123456789") for _ in range(count))


def _letters(chance: random.Random, count: int) -> str:
    return "".join(chance.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(count))
