"""Free text of orders in ten languages, with personal data where people really write it.

Placeholders: {name} {phone} {email} {street} {city} {card} {iban} {national_id} are the customer's own; {other} and
{other_phone} belong to somebody who is nowhere else in the order.
"""

from dataclasses import dataclass
from random import Random
from typing import Any

from data.generator.customers import Person, full_name
from data.generator.numbers import NATIONAL_IDS, card_number, filled, iban
from data.generator.places import BY_CODE

HARMLESS: dict[str, tuple[str, ...]] = {
    "en": (
        "Please leave it in the porch.",
        "No substitutions please, size 42 runs small.",
        "Order 4711 arrived broken, is this one checked?",
        "Deliver after 5 pm",
    ),
    "de": (
        "Bitte nicht vor 10 Uhr liefern.",
        "Bitte ohne Rechnung im Paket, ist ein Geschenk.",
        "Größe 42, Farbe Blau. Artikel 4006381333931",
    ),
    "fr": (
        "Merci de livrer après 18 h.",
        "Sans emballage plastique si possible.",
        "Taille 38, couleur bleue, réf. 104-22",
    ),
    "es": ("Dejar en portería, gracias.", "Sin plástico, por favor. Talla M.", "Entregar después de las 18:00"),
    "it": ("Lasciare al portiere, grazie.", "Consegnare dopo le 17.", "Senza scontrino nella scatola."),
    "nl": ("Graag na 18 uur bezorgen.", "Zonder bon in de doos, het is een cadeau."),
    "pl": ("Proszę dostarczyć po 17.", "Bez paragonu w paczce, to prezent."),
    "pt": ("Entregar depois das 18h, por favor.", "Deixar na portaria."),
    "sv": ("Lämna vid dörren, tack.", "Leverera efter kl. 17."),
    "ja": ("18時以降に配達してください。", "置き配でお願いします。"),
}
TELLING: dict[str, tuple[str, ...]] = {
    "en": (
        "Call me on {phone} before you deliver",
        "If I'm out, leave it with {other} next door, mobile {other_phone}",
        "invoice to {email} please",
        "Ship to {street}, {city} instead, I have moved",
        "my card {card} was charged twice!!",
        "Regards, {name}",
        "my NI / social number for customs: {national_id}",
    ),
    "de": (
        "Bitte vorher anrufen: {phone}",
        "Bei Abwesenheit bei {other} abgeben, Tel. {other_phone}",
        "Rechnung an {email}",
        "Neue Adresse: {street}, {city}",
        "Bitte von meinem Konto {iban} abbuchen",
        "Viele Grüße, {name}",
        "Steuer-ID für den Zoll: {national_id}",
    ),
    "fr": (
        "Appelez-moi au {phone} avant de livrer",
        "En cas d'absence, déposer chez {other} ({other_phone})",
        "Facture à {email} svp",
        "Nouvelle adresse : {street}, {city}",
        "Prélevez sur {iban}",
        "Cordialement, {name}",
        "n° de sécu pour la douane {national_id}",
    ),
    "es": (
        "Llamar antes al {phone}",
        "Si no estoy, dejar con {other}, tel. {other_phone}",
        "Factura a {email}",
        "Mi tarjeta {card} dio error",
        "Un saludo, {name}",
        "DNI para la aduana {national_id}",
        "Entregar en {street}, {city}",
    ),
    "it": (
        "Chiamare prima al {phone}",
        "In mia assenza lasciare a {other}, cell. {other_phone}",
        "Fattura a {email}",
        "IBAN per il rimborso {iban}",
        "Saluti, {name}",
    ),
    "nl": (
        "Bel me op {phone} voor u komt",
        "Niet thuis? Geef het aan {other}, {other_phone}",
        "Factuur naar {email}",
        "BSN voor de douane: {national_id}",
        "Groetjes {name}",
    ),
    "pl": (
        "Proszę dzwonić: {phone}",
        "W razie nieobecności zostawić u {other}, tel. {other_phone}",
        "Faktura na {email}, PESEL {national_id}",
        "Zwrot na konto {iban}",
        "Pozdrawiam, {name}",
    ),
    "pt": (
        "Ligar antes para {phone}",
        "CPF na nota: {national_id}",
        "Deixar com {other}, {other_phone}",
        "Abraço, {name}",
    ),
    "sv": (
        "Ring {phone} innan leverans",
        "Lämna hos {other}, {other_phone}",
        "Faktura till {email}",
        "personnummer {national_id}",
        "Hälsningar {name}",
    ),
    "ja": (
        "配達前に {phone} へ電話してください",
        "{name} より",
        "不在の場合は {other} さん（{other_phone}）に預けてください",
    ),
}
GIFTS: dict[str, tuple[str, ...]] = {
    "en": ("Happy birthday, {other}! Love, {name}", "Get well soon", "Congratulations to you both, call us: {phone}"),
    "de": ("Alles Gute zum Geburtstag, liebe {other}! Deine {name}", "Frohe Weihnachten!"),
    "fr": ("Joyeux anniversaire {other} ! Bises, {name}", "Félicitations !"),
    "es": ("¡Feliz cumpleaños, {other}! Besos, {name}", "¡Enhorabuena!"),
    "it": ("Buon compleanno {other}! Baci, {name}", "Tanti auguri"),
    "nl": ("Gefeliciteerd {other}! Liefs, {name}", "Beterschap!"),
    "pl": ("Wszystkiego najlepszego, {other}! {name}", "Sto lat!"),
    "pt": ("Parabéns, {other}! Beijos, {name}",),
    "sv": ("Grattis på födelsedagen {other}! Kram {name}",),
    "ja": ("{other} さん、お誕生日おめでとう。{name}",),
}


@dataclass(frozen=True)
class Planted:
    """A personal value that stands in an order's free text."""

    kind: str
    value: str


def fill(template: str, person: Person, random: Random) -> tuple[str, list[Planted]]:
    """Fill a template's placeholders; also what was planted."""
    country = person.country
    makers: dict[str, Any] = {
        "name": lambda: person.customer["name"],
        "phone": lambda: person.customer["phone"] if random.random() < 0.7 else filled(country.phone, random),
        "email": lambda: person.customer["email"],
        "street": lambda: person.home["street"],
        "city": lambda: person.home["city"],
        "card": lambda: card_number(random),
        "iban": lambda: iban(country.account or BY_CODE["DE"].account, random),
        "national_id": lambda: NATIONAL_IDS.get(country.national_id, NATIONAL_IDS["tax-de"])(random),
        "other": lambda: full_name(country, random),
        "other_phone": lambda: filled(country.phone, random),
    }
    planted = [Planted(kind, make()) for kind, make in makers.items() if f"{{{kind}}}" in template]
    return template.format(**{one.kind: one.value for one in planted}), planted


def note(person: Person, random: Random) -> tuple[str, list[Planted]]:
    """A note to the shop: half of them harmless."""
    templates = HARMLESS if random.random() < 0.5 else TELLING
    return fill(random.choice(templates[person.language]), person, random)


def gift_message(person: Person, random: Random) -> tuple[str, list[Planted]]:
    """A message on a gift."""
    return fill(random.choice(GIFTS[person.language]), person, random)
