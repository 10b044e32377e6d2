"""Countries that the sample's customers live in: currency, clock, names, streets, shapes of phone numbers and accounts.

In shapes `#` is a digit, `@` a capital letter; everything else stands for itself.
"""

from dataclasses import dataclass
from datetime import date, timedelta

EUROPEAN_SUMMER, AMERICAN_SUMMER, NO_SUMMER = "european", "american", "none"


@dataclass(frozen=True)
class Country:
    """One country.

    `cities` holds (city, region, shape of the postcode); `share` is its weight among customers; `rate` is currency per
    euro.
    """

    code: str
    share: float
    currency: str
    rate: float
    decimals: int
    language: str
    offset_hours: int
    summer: str
    phone: str
    account: str
    national_id: str
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    streets: tuple[str, ...]
    cities: tuple[tuple[str, str, str], ...]


def words(text: str) -> tuple[str, ...]:
    """Split "Anna|Marie Luise|Jan" at the bars."""
    return tuple(text.split("|"))


def last_sunday(year: int, month: int) -> date:
    """The last Sunday of a month of 31 days."""
    day = date(year, month, 31)
    return day - timedelta(days=(day.weekday() + 1) % 7)


def nth_sunday(year: int, month: int, n: int) -> date:
    """The n-th Sunday of a month."""
    day = date(year, month, 1)
    return day + timedelta(days=(6 - day.weekday()) % 7 + 7 * (n - 1))


def offset_hours(country: Country, day: date) -> int:
    """Hours ahead of UTC on a day, summer time included (changes at midnight: near enough for a sample)."""
    if country.summer == EUROPEAN_SUMMER:
        summer = last_sunday(day.year, 3) <= day < last_sunday(day.year, 10)
    elif country.summer == AMERICAN_SUMMER:
        summer = nth_sunday(day.year, 3, 2) <= day < nth_sunday(day.year, 11, 1)
    else:
        summer = False
    return country.offset_hours + summer


COUNTRIES: tuple[Country, ...] = (
    Country(
        "DE",
        24,
        "EUR",
        1.0,
        2,
        "de",
        1,
        EUROPEAN_SUMMER,
        "+49 15# #######",
        "DE####################",
        "tax-de",
        words(
            "Anna|Lukas|Leonie|Maximilian|Jürgen|Sabine|Björn|Käthe|Marie Luise|"
            "Thomas|Heike|Emre|Ayşe|Uwe|Friederike|Jonas|Petra|Wolfgang"
        ),
        words(
            "Müller|Schmidt|Schröder|Weiß|Kowalski|von der Heide|Hoffmann|Yıldız|"
            "Großmann|Krüger|Lehmann|Böhm|Zimmermann|Vogel|Seidel|Jäger"
        ),
        words(
            "Hauptstraße {n}|Lindenweg {n}a|Am Mühlbach {n}|Goethestr. {n}|"
            "Bahnhofstraße {n}|Königsallee {n}|Schillerplatz {n}|An der Alster {n}"
        ),
        (
            ("Berlin", "BE", "10###"),
            ("Hamburg", "HH", "20###"),
            ("München", "BY", "80###"),
            ("Köln", "NW", "50###"),
            ("Leipzig", "SN", "04###"),
        ),
    ),
    Country(
        "FR",
        14,
        "EUR",
        1.0,
        2,
        "fr",
        1,
        EUROPEAN_SUMMER,
        "+33 6 ## ## ## ##",
        "FR#########################",
        "nir-fr",
        words(
            "Camille|Élodie|Jean-Pierre|François|Amélie|Théo|Chloé|Mathieu|"
            "Zoé|Aïcha|Benoît|Solène|Hugo|Margaux|Gérard|Noémie"
        ),
        words(
            "Dubois|Lefèvre|Moreau|Garnier|D'Amico|Bélanger|Chevalier|"
            "Rousseau|Benali|Le Gall|Fontaine|Marchand|Perrin|Gauthier"
        ),
        words(
            "{n} rue de la République|{n} avenue Victor-Hugo|{n} bis rue des Lilas|"
            "{n} boulevard Saint-Michel|{n} chemin des Vignes|{n} place du Marché"
        ),
        (
            ("Paris", "IDF", "750##"),
            ("Lyon", "ARA", "6900#"),
            ("Marseille", "PAC", "1300#"),
            ("Nantes", "PDL", "440##"),
        ),
    ),
    Country(
        "GB",
        14,
        "GBP",
        0.86,
        2,
        "en",
        0,
        EUROPEAN_SUMMER,
        "+44 7### ######",
        "GB##@@@@##############",
        "nino-gb",
        words(
            "Oliver|Amelia|Siobhán|Harry|Priya|Mohammed|Charlotte|Rhys|"
            "Isla|George|Poppy|Callum|Zara|Nigel|Eleanor|Imogen"
        ),
        words(
            "Smith|O'Connor|Patel|Taylor-Jones|MacDonald|Evans|Khan|"
            "Thornton|Whitfield|Hughes|Adeyemi|Barrow|Clarke|Pemberton"
        ),
        words(
            "{n} High Street|Flat {m}, {n} Station Road|{n} Church Lane|"
            "{n} Victoria Terrace|{n} King's Court|{n}b Mill Lane"
        ),
        (
            ("London", "LND", "SW#A #@@"),
            ("Leeds", "WYK", "LS# #@@"),
            ("Cardiff", "CRF", "CF## #@@"),
            ("Edinburgh", "EDH", "EH# #@@"),
        ),
    ),
    Country(
        "US",
        12,
        "USD",
        1.09,
        2,
        "en",
        -5,
        AMERICAN_SUMMER,
        "+1 (2##) 5##-####",
        "",
        "ssn-us",
        words(
            "Jennifer|Michael|LaToya|José|Ashley|Tyler|Mei-Ling|Brandon|"
            "Destiny|Robert|Guadalupe|Ethan|Madison|DeShawn|Barbara|Kenji"
        ),
        words(
            "Johnson|Nguyen|García|Williams|Kowalczyk|St. James|Brown|"
            "Hernandez|Lee|Washington|Olson|Fitzgerald|Martinez|Begay"
        ),
        words(
            "{n} Main St|{n} Oak Ave Apt {m}|{n} N Maple Dr|" "PO Box {n}|{n} Lincoln Blvd Unit {m}|{n} Cedar Ridge Rd"
        ),
        (
            ("New York", "NY", "100##"),
            ("Chicago", "IL", "606##"),
            ("Austin", "TX", "787##"),
            ("Portland", "OR", "972##"),
        ),
    ),
    Country(
        "ES",
        8,
        "EUR",
        1.0,
        2,
        "es",
        1,
        EUROPEAN_SUMMER,
        "+34 6## ### ###",
        "ES######################",
        "dni-es",
        words("Lucía|Iñaki|María José|Alejandro|Begoña|Javier|Núria|Sergio|Paula|Ramón|Ángela|Íñigo|Rocío|Gonzalo"),
        words(
            "García López|Fernández|Ibáñez|Muñoz|Rodríguez Pérez|Peña|"
            "Castillo|Etxeberria|Vázquez|de la Fuente|Soler|Núñez"
        ),
        words(
            "Calle Mayor {n}|C/ Alcalá {n}, {m}º B|"
            "Avenida de la Constitución {n}|Plaza España {n}|Paseo del Prado {n}"
        ),
        (
            ("Madrid", "MD", "280##"),
            ("Barcelona", "CT", "080##"),
            ("Sevilla", "AN", "410##"),
            ("Bilbao", "PV", "480##"),
        ),
    ),
    Country(
        "IT",
        7,
        "EUR",
        1.0,
        2,
        "it",
        1,
        EUROPEAN_SUMMER,
        "+39 3## ### ####",
        "IT##@######################",
        "none",
        words("Giulia|Niccolò|Francesca|Alessandro|Chiara|Matteo|Beatrice|Salvatore|Elisa|Lorenzo|Noemi|Gianluca"),
        words("Rossi|Esposito|D'Angelo|Bianchi|De Luca|Ferrari|Colombo|Greco|Lo Presti|Marchetti|Rinaldi|Fabbri"),
        words("Via Roma {n}|Via Garibaldi {n}|Corso Italia {n}|Piazza Dante {n}|Viale dei Mille {n}/{m}"),
        (("Roma", "RM", "001##"), ("Milano", "MI", "201##"), ("Napoli", "NA", "801##"), ("Torino", "TO", "101##")),
    ),
    Country(
        "NL",
        6,
        "EUR",
        1.0,
        2,
        "nl",
        1,
        EUROPEAN_SUMMER,
        "+31 6 ########",
        "NL##@@@@##########",
        "bsn-nl",
        words("Daan|Sanne|Joris|Fleur|Bram|Maaike|Thijs|Femke|Ruben|Anouk|Sjoerd|Lotte"),
        words("de Vries|van den Berg|Jansen|Bakker|van 't Hof|Visser|Dijkstra|Mulder|Hoekstra|Kuipers"),
        words("Keizersgracht {n}|Dorpsstraat {n}|Kerkweg {n}-{m}|Prins Hendrikkade {n}|Molenstraat {n}"),
        (("Amsterdam", "NH", "101# @@"), ("Utrecht", "UT", "351# @@"), ("Rotterdam", "ZH", "301# @@")),
    ),
    Country(
        "PL",
        6,
        "PLN",
        4.3,
        2,
        "pl",
        1,
        EUROPEAN_SUMMER,
        "+48 5## ### ###",
        "PL##########################",
        "pesel-pl",
        words(
            "Agnieszka|Paweł|Małgorzata|Krzysztof|Łukasz|Zofia|" "Wojciech|Katarzyna|Grzegorz|Jadwiga|Michał|Aleksandra"
        ),
        words("Nowak|Wiśniewska|Wójcik|Kamiński|Dąbrowski|Zielińska|Szymański|Woźniak|Kozłowska|Mazur|Piotrowski"),
        words(
            "ul. Marszałkowska {n}/{m}|ul. Długa {n}|"
            "al. Jerozolimskie {n}|ul. Świętokrzyska {n} m. {m}|os. Słoneczne {n}"
        ),
        (("Warszawa", "MZ", "00-###"), ("Kraków", "MA", "30-###"), ("Gdańsk", "PM", "80-###")),
    ),
    Country(
        "SE",
        3,
        "SEK",
        11.3,
        2,
        "sv",
        1,
        EUROPEAN_SUMMER,
        "+46 70 ### ## ##",
        "SE######################",
        "personnummer-se",
        words("Åsa|Björn|Linnéa|Göran|Elsa|Oskar|Ingrid|Mårten|Saga|Håkan"),
        words("Andersson|Öberg|Lindqvist|Sjöström|Bergström|Åkesson|Nyström|Holmgren"),
        words("Storgatan {n}|Drottninggatan {n} lgh {m}|Björkvägen {n}|Södra Esplanaden {n}"),
        (("Stockholm", "AB", "11# ##"), ("Göteborg", "O", "41# ##"), ("Malmö", "M", "21# ##")),
    ),
    Country(
        "CH",
        3,
        "CHF",
        0.95,
        2,
        "de",
        1,
        EUROPEAN_SUMMER,
        "+41 79 ### ## ##",
        "CH###################",
        "none",
        words("Urs|Ursina|Reto|Céline|Beat|Regula|Luca|Annina|Jürg|Fabienne"),
        words("Zürcher|Ammann|Bünzli|Favre|Bernasconi|Gerber|Rüegg|Caduff|Wyss"),
        words("Seestrasse {n}|Bundesgasse {n}|Rue du Rhône {n}|Dorfplatz {n}"),
        (("Zürich", "ZH", "80##"), ("Genève", "GE", "120#"), ("Bern", "BE", "30##")),
    ),
    Country(
        "BR",
        2,
        "BRL",
        6.1,
        2,
        "pt",
        -3,
        NO_SUMMER,
        "+55 11 9####-####",
        "",
        "cpf-br",
        words("João|Beatriz|Thiago|Conceição|Luísa|Caio|Fernanda|Antônio|Larissa|Débora"),
        words("da Silva|Gonçalves|Araújo|dos Santos|Ribeiro|Assunção|Pereira|Magalhães|Nakamura"),
        words("Rua das Flores, {n}|Av. Paulista, {n} ap. {m}|Rua São João, {n}|Travessa do Ouvidor, {n}"),
        (("São Paulo", "SP", "01###-###"), ("Rio de Janeiro", "RJ", "20###-###")),
    ),
    Country(
        "JP",
        1,
        "JPY",
        165.0,
        0,
        "ja",
        9,
        NO_SUMMER,
        "+81 90-####-####",
        "",
        "none",
        words("陽菜|翔太|美咲|健一|さくら|大輔|結衣|直樹"),
        words("佐藤|鈴木|高橋|田中|渡辺|伊藤|山本|中村"),
        words("神宮前{m}丁目{n}番地|栄町{m}-{n}|本町{m}丁目{n}-8|桜台{n}番{m}号"),
        (("東京都", "13", "1##-00##"), ("大阪市", "27", "5##-00##")),
    ),
)

BY_CODE = {country.code: country for country in COUNTRIES}
