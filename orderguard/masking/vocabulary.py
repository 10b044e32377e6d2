"""Words that the search for known values has to know: particles, street words, endings, names that are also words."""

from orderguard.masking.view import fold

PARTICLES = frozenset("""
    van von der den de del della dello delle di da do dos das du des la le les los las el al bin ibn abu zu zum
    zur vom auf am im an in the and of und et y e i o a ter ten te op mc st san sankt santa saint dr prof mr mrs ms
    herr frau mme sr sra jr sen ii iii d l
    """.split())

COMMON_WORDS = frozenset("""
    will may mark rich long short young best love day good free new price pack parcel ship sell read right case just
    so an do we no if or on by my white black brown green gray grey red blue gold silver small strong sharp smart
    light fresh sweet cash early april june august summer winter north west east south home house gift order orders
    paper post please thanks hope rose bill box key page park street nice reading essen gut klein gross lang kurz neu
    alt reich stark weiss schwarz braun grun rot montag freitag sonntag sommer herbst petit grand blanc noir vert bon
    beau bois blanco bueno casa rosa sol mar pena pan bianchi verdi costa sala groot wit rue bos
    """.split())
"""Names of people and places that are words as well: in lower case they count for little."""

LEGAL_FORMS = frozenset("""
    gmbh ag kg ohg ug co ltd limited llc inc incorporated corp corporation plc lp llp sa sas sarl srl spa bv nv vof sl
    slu oy ab as aps sro spzoo zoo kft ek ev mbh gbr und and the company pty pvt lda ltda
    """.split())

GENERIC_MAILBOXES = frozenset("""
    info mail email office contact kontakt hello hallo sales shop order orders service support admin test noreply
    no-reply team post einkauf bestellung customer customers kunde contacto contatto accueil ventas vendas verkauf
    buchhaltung accounting billing invoice invoices rechnung
    """.split())

_STREET_FORMS = (
    "street st str",
    "strasse str",
    "straat str",
    "avenue ave av avenida avda",
    "road rd",
    "boulevard blvd bd bld boul",
    "drive dr",
    "lane ln",
    "court ct",
    "place pl plaza pza plz platz",
    "square sq",
    "terrace ter terr",
    "highway hwy",
    "parkway pkwy",
    "crescent cres",
    "apartment apt app appt",
    "suite ste",
    "floor fl",
    "route rte rt",
    "chemin ch",
    "calle c cl",
    "carretera ctra",
    "paseo po",
    "viale vle v",
    "via v",
    "corso cso",
    "piazza pza p",
    "largo lgo",
    "rua r",
    "travessa tv",
    "praca pca",
    "ulica ul",
    "aleja al aleje",
    "osiedle os",
    "plac pl",
    "weg",
    "gasse g",
    "allee",
    "ring",
    "damm",
    "ufer",
    "laan",
    "gracht",
    "plein",
    "rue",
    "impasse imp",
    "quai",
    "way",
    "close",
    "gate gata gatan",
    "vag vagen",
    "unit",
    "flat",
    "box",
    "bus",
    "north n",
    "south s",
    "east e",
    "west w",
)
STREET_FORMS: dict[str, tuple[str, ...]] = {}
"""Each street word and the forms that stand for it."""
for _line in _STREET_FORMS:
    for _form in _line.split():
        STREET_FORMS[_form] = tuple(dict.fromkeys((*STREET_FORMS.get(_form, ()), *_line.split())))

STREET_ENDINGS = (
    "strasse",
    "straat",
    "gasse",
    "platz",
    "allee",
    "damm",
    "ufer",
    "laan",
    "gracht",
    "plein",
    "gatan",
    "vagen",
    "weg",
    "ring",
    "str",
)
"""Street words that are written in one with the name."""

NAME_ENDINGS = frozenset(fold("""
    s n en es a u em om ovi owi y e i ie ou o in ina ow iego emu ego im ym ej mu et ts ova ove ovou
    а у ом ем ой ей ою ею ы и е ю я ью ым им ого ому ову ове ів ові еві ς
    """).split())
"""Endings of cases and possessives."""

STEM_VOWELS = tuple(fold("a o e я и ς").split())
"""What a name in its first case may end with where others have an ending in its place: Anna, Annie; Мария, Марии."""

SPELLINGS = {
    "ä": "ae",
    "ö": "oe",
    "ü": "ue",
    "ß": "ss",
    "ø": "oe",
    "å": "aa",
    "æ": "ae",
    "ñ": "ny",
    "ő": "oe",
    "ű": "ue",
}
"""What people write for a letter that they don't have: Mueller for Müller, Ivanov for Иванов."""
SPELLINGS |= dict(
    pair.split(":")
    for pair in (
        "а:a б:b в:v г:g ґ:g д:d е:e ё:e є:ye ж:zh з:z и:i і:i ї:yi й:y к:k л:l м:m н:n о:o п:p р:r с:s т:t у:u ф:f "
        "х:kh ц:ts ч:ch ш:sh щ:shch ъ: ы:y ь: э:e ю:yu я:ya "
        "α:a ά:a β:v γ:g δ:d ε:e έ:e ζ:z η:i ή:i θ:th ι:i ί:i ϊ:i κ:k λ:l μ:m ν:n ξ:x ο:o ό:o π:p ρ:r σ:s ς:s τ:t "
        "υ:u ύ:u φ:f χ:ch ψ:ps ω:o ώ:o"
    ).split()
)
