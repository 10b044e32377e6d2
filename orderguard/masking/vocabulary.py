"""Words that the search for known values has to know: particles, street words, endings, names that are also words."""

PARTICLES = frozenset(
    "van von der den de del della dello delle di da do dos das du des la le les los las el al bin ibn ben abu zu zum zur vom auf am im an in the and of und "
    "et y e i o a ter ten te op mc st san sankt santa saint dr prof mr mrs ms herr frau mme sr sra jr sen ii iii d l".split()
)

COMMON_WORDS = frozenset(
    "will may mark rose grace hope bill rich art gene max jack penny summer april june august christian frank ernst klein lang kurz gross gut wolf stern "
    "vogel bach berg rein long short young king page park price white black brown green gray grey day best love faith joy ruby amber violet ivy lily daisy "
    "iris dawn eve holly hazel olive jade pearl crystal ginger honey basil sage rob drew chase grant miles reed lane ward wood stone banks bush rice bean "
    "field forest glass gold silver noble sharp small smart strong swift wise wild winter baker cook carter cooper hunter mason miller potter taylor "
    "walker weaver smith major judge bishop pope abbott church castle bell ball bird fox hawk lamb crane fish case cash coin cross early frost fresh free "
    "good hand head heart hill home hood house justice key law light love low marsh moon moore new north west east south pace pack parcel paul peace pick "
    "pool poor power prince quick read ray right rush self sell ship small snow speed spring star still sweet tower town trip true vance wall waters way "
    "weiss schwarz braun grun roth jung alt neu hart stark reich arm fein fromm fuchs hahn haas hirsch huber kaiser konig herzog graf ritter richter "
    "schmidt muller koch bauer fischer weber schneider jager sommer herbst montag freitag sonntag blum baum busch feld stein sand wald winkel "
    "petit grand blanc noir brun roux vert bon beau riche faure marchand boucher boulanger berger meunier mercier leroy roi lac pont bois rue "
    "blanco rubio moreno delgado bravo bueno casa campos flores leon luna mar mora nieves paz pena prado ramos rey rios rosa sol torres vega vila "
    "rossi bianchi neri verdi bruno costa fontana leone marino monti riva sala villa pace "
    "jong groot klein bos berg dijk meer vries wit zwart visser bakker kuiper smit mulder "
    "bath reading nice essen halle hof kiel bonn cork lund sale orange mobile hull born worms".split()
)
"""Names of people and places that are words as well: in lower case they count for little."""

LEGAL_FORMS = frozenset(
    "gmbh ag kg ohg ug co ltd limited llc inc incorporated corp corporation plc lp llp sa sas sarl srl spa bv nv vof sl slu oy ab as aps sro spzoo zoo kft "
    "ek ev mbh gbr und and the company pty pvt lda ltda".split()
)

GENERIC_MAILBOXES = frozenset(
    "info mail email office contact kontakt hello hallo sales shop order orders service support admin test noreply no-reply team post einkauf bestellung "
    "customer customers kunde contacto contatto accueil ventas vendas verkauf buchhaltung accounting billing invoice invoices rechnung".split()
)

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

NAME_ENDINGS = frozenset(
    "s n en es a u em om ovi owi y e i ie ou e o in ina ow iego emu ego im ym ej mu et ts ova ove ovou".split()
)
"""Endings of cases and possessives."""

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
