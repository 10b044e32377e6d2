"""Generator 1: notes as customers write them, in ten languages, with strangers' contact data in them."""

import random
from collections.abc import Iterator

from data.privacy_corpus import numbers, people
from data.privacy_corpus.samples import Sample, filled

_SENTENCES = {
    "en": (
        "Please send the receipt to {email}, thanks!",
        "If nobody is in, call {phone} and the driver can leave it next door.",
        "My mobile changed, it's {phone} now.",
        "I paid twice with card {card}, please refund one.",
        "card # {card} exp 11/29 was declined, order 884-2231 still shows open",
        "Refund to {iban} please, not to the card.",
        "Customs asked for my {idname}: {id}",
        "The page crashed, I'm connecting from {ip} if that helps.",
        "ring {local} after 6pm, parcel 7734512 last time went missing",
        "Call me: {local}",
        "The reset link {url} does not work.",
    ),
    "de": (
        "Rechnung bitte an {email} schicken.",
        "Bitte vorher anrufen: {phone}, sonst ist niemand da.",
        "Neue Handynummer {phone}, bitte nachtragen.",
        "Kreditkarte {card} wurde doppelt belastet, bitte Bestellung 4471-02 prüfen.",
        "Gutschrift bitte auf {iban} überweisen.",
        "Der Zoll will meine {idname} haben, die lautet {id}.",
        "Ich bestelle immer von {ip} aus, gestern ging es nicht.",
        "Tel. {local}, ab 17 Uhr",
        "Mein Zugang {url} ist abgelaufen.",
    ),
    "fr": (
        "Merci d'envoyer la facture à {email}",
        "Appelez-moi au {phone} avant la livraison svp.",
        "Mon portable : {phone} (le soir)",
        "Carte {card} débitée deux fois pour la commande 55120.",
        "Remboursement sur {iban} s'il vous plaît.",
        "La douane demande mon {idname} : {id}",
        "Erreur depuis l'adresse {ip}, impossible de payer.",
        "Le lien {url} ne marche plus.",
    ),
    "es": (
        "Por favor, manden la factura a {email}.",
        "Llamar al {phone} antes de entregar.",
        "Mi móvil es {phone}, gracias",
        "Han cobrado dos veces la tarjeta {card}.",
        "La devolución a la cuenta {iban}, por favor.",
        "Para la aduana: mi {idname} es {id}.",
        "No puedo entrar desde {ip}.",
        "El enlace {url} ha caducado.",
    ),
    "it": (
        "Inviate la fattura a {email} per favore.",
        "Chiamare il {phone} prima della consegna.",
        "Il mio cellulare: {phone}",
        "La carta {card} è stata addebitata due volte.",
        "Rimborso sul conto {iban}, grazie.",
        "Il mio {idname} è {id} per la fattura.",
        "Collegato da {ip}, il sito non risponde.",
        "Il collegamento {url} non funziona.",
    ),
    "nl": (
        "Stuur de factuur naar {email} aub.",
        "Graag eerst bellen: {phone}.",
        "Mijn mobiel is {phone}",
        "Kaart {card} is twee keer belast voor bestelling 99120.",
        "Terugbetalen op {iban} graag.",
        "De douane vraagt mijn {idname}: {id}",
        "Ik log in vanaf {ip} en dat lukt niet.",
        "De link {url} werkt niet meer.",
    ),
    "pl": (
        "Fakturę proszę wysłać na {email}.",
        "Proszę zadzwonić przed dostawą: {phone}",
        "Mój nowy telefon to {phone}.",
        "Karta {card} została obciążona dwa razy.",
        "Zwrot proszę na konto {iban}.",
        "Urząd celny prosi o {idname}: {id}",
        "Loguję się z {ip} i nie działa.",
        "Adres {url} wygasł.",
    ),
    "pt": (
        "Enviem a fatura para {email}, por favor.",
        "Ligar para {phone} antes da entrega.",
        "O meu telemóvel é {phone}.",
        "O cartão {card} foi cobrado duas vezes.",
        "Reembolso para {iban}, obrigado.",
        "O meu {idname} é {id}.",
        "Acesso a partir de {ip} dá erro.",
        "A ligação {url} expirou.",
    ),
    "sv": (
        "Skicka kvittot till {email} tack.",
        "Ring {phone} innan leverans, mobilen är alltid på.",
        "Nytt mobilnummer: {phone}",
        "Kort {card} debiterades två gånger.",
        "Återbetala till {iban} tack.",
        "Tullen vill ha mitt {idname}: {id}",
        "Jag loggar in från {ip}.",
        "Länken {url} fungerar inte.",
    ),
    "cs": (
        "Fakturu pošlete prosím na {email}.",
        "Prosím volejte {phone} před doručením.",
        "Můj telefon: {phone}",
        "Karta {card} byla stržena dvakrát.",
        "Vraťte peníze na účet {iban}.",
        "Celní úřad chce moje {idname}: {id}",
        "Přihlašuji se z {ip}.",
        "Odkaz {url} už neplatí.",
    ),
}


def notes(chance: random.Random, count: int, who: people.Makers) -> Iterator[Sample]:
    """`count` notes, the languages in turn."""
    for index in range(count):
        language = people.LANGUAGES[index % len(people.LANGUAGES)]
        template = " ".join(chance.sample(_SENTENCES[language], chance.choice((1, 1, 2))))
        yield filled(template, _values(chance, language, who), language, "notes")


def _values(chance: random.Random, language: str, who: people.Makers) -> dict[str, tuple[str, str | None]]:
    someone = people.person(chance, language, who)
    number, name = numbers.national_id(chance, language)
    return {
        "email": (chance.choice((someone.email, someone.email.upper(), someone.email)), "EMAIL"),
        "phone": (numbers.phone(chance, language), "PHONE"),
        "local": (numbers.local_phone(chance), "PHONE"),
        "card": (numbers.card(chance, separators=chance.choice(("", " ", "-"))), "CARD"),
        "iban": (numbers.iban(chance, spaced=chance.random() < 0.5, lower=chance.random() < 0.3), "IBAN"),
        "id": (number, "ID"),
        "idname": (name, None),
        "ip": (numbers.ip(chance), "IP"),
        "url": (_url(chance, someone), "URL"),
    }


def _url(chance: random.Random, someone: people.Person) -> str:
    secret = "".join(chance.choice("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(28))
    return chance.choice(
        (
            f"https://shop.example/reset?token={secret}",
            f"https://shop.example/login?user={someone.email}",
            f"http://shop.example/a/{secret}/confirm",
            f"https://{people.plain(someone.first)}:{secret}@files.example/invoice.pdf",
            f"www.shop.example/unsubscribe?sig={secret}&t=5",
        )
    )
