"""Names beside greetings, titles, sign-offs and phrases such as "my name is".

A name that stands alone is not found by its form.
"""

import re
from collections.abc import Iterator

from orderguard.masking.spans import Span
from orderguard.masking.view import View

_PARTICLE = (
    r"(?:van der|van den|van de|von der|von und zu|van|von|vom|de la|de los|del|della|dello|delle|de|da|dos|das|do|di|"
    r"du|le|la|zu|den|ter|ten|bin|ibn|al|el|O'|D'|d')"
)
# Nothing here repeats without a limit: a pattern is tried at each of its first words, and would look through the rest
# of the text from each.
_WORD = r"[A-Z][a-z'][\w'-]{0,40}|[A-Z]{2,40}(?:-[A-Z]{1,40})?|[A-Z]\."
_NAME = rf"(?P<name>(?:{_WORD})(?:[ ]{{1,4}}(?:{_PARTICLE}[ ]{{0,4}})?(?:{_WORD})){{0,3}})"
_TITLE = (
    r"(?:mrs?|ms|miss|dr|prof|sir|madam|herrn?|frau|fraulein|(?<!\d )m|"
    r"mme|mlle|monsieur|madame|mademoiselle|sr|sra|srta|don|"
    r"dona|senora?|senhora?|sig|sig\.ra|signora?|dott|dottssa|dhr|mevr|mevrouw|meneer|pan|pani|panu|fru)\b\.?"
)
_GREETING = (
    r"(?:dear|hi|hello|hey|hallo|liebe[rs]?|lieber|sehr geehrte[rs]?|guten (?:tag|morgen|abend)|gruss gott|bonjour|"
    r"bonsoir|salut|cher|chere|hola|estimad[oa]|querid[oa]|"
    r"buenos dias|buenas tardes|ciao|car[oa]|gentile|egregi[oa]|buongiorno|salve|ola|car[oa]|prezad[oa]|beste|"
    r"geachte|hoi|dag|czesc|drog[ai]|szanown[ya]|witam|hej|kara|basta|ahoj|mila|mily)"
)
_SIGN_OFF = (
    r"(?:(?:kind|best|warm|kindest|warmest|many)? ?(?:regards|wishes)|sincerely|yours(?: (?:sincerely|faithfully|"
    r"truly))?|cheers|thanks|thank you|many thanks|love|lots of love|all the best|xoxo|"
    r"(?:mit )?(?:freundlichen|besten|lieben|herzlichen|viele|liebe|beste|schone) gru(?:ss(?:en|e)?)|mfg|lg|vg|"
    r"danke|vielen dank|alles liebe|dein|deine|euer|eure|"
    r"cordialement|bien a vous|sinceres salutations|bises|bisous|merci|amities|saludos|un saludo|atentamente|un "
    r"abrazo|abrazos|besos|gracias|con carino|"
    r"cordiali saluti|distinti saluti|saluti|un abbraccio|baci|grazie|atenciosamente|cumprimentos|com os melhores "
    r"cumprimentos|abracos|beijos|obrigad[oa]|"
    r"met vriendelijke groet(?:en)?|groetjes|groeten|mvg|liefs|bedankt|pozdrawiam|z powazaniem|dziekuje|usciski|med "
    r"vanliga halsningar|mvh|halsningar|tack|s pozdravem|dekuji)"
)
_PHRASE = (
    r"(?:my name is|i am called|this is|name's|on behalf of|signed(?: by)?|attn|attention|care of|c/o|ask for|"
    r"addressed to|"
    r"ich heisse|mein name ist|mein name:|z\. ?hd\.?|zu handen(?: von)?|bitte an|je m'appelle|mon nom est|a "
    r"l'attention de|me llamo|mi nombre es|a nombre de|a la atencion de|"
    r"mi chiamo|il mio nome e|all'attenzione di|alla cortese attenzione di|a nome di|chamo-me|meu nome e|me chamo|"
    r"em nome de|ao cuidado de|ik heet|mijn naam is|t\.?a\.?v\.?|ter attentie van|"
    r"nazywam sie|mam na imie|na nazwisko|do rak|jag heter|mitt namn ar|jmenuji se|"
    r"happy birthday|alles gute zum geburtstag|zum geburtstag|joyeux anniversaire|feliz cumpleanos|buon compleanno|"
    r"feliz aniversario|parabens|gefeliciteerd|fijne verjaardag|wszystkiego najlepszego|grattis)"
)
_END = r"(?=[ ]{0,8}(?:[\n,.!;(|]|$))"
_GREETED = re.compile(rf"(?i:{_GREETING})(?: (?i:{_TITLE})){{0,3}}[ ,:]{{1,2}}{_NAME}")
_TITLED = re.compile(rf"(?i:{_TITLE})(?: (?i:{_TITLE})){{0,3}}[ ]{_NAME}")
_SIGNED = re.compile(
    rf"(?i:{_SIGN_OFF})(?:[ ]?[,.!\n:-]{{1,2}}[ \n]{{0,3}}(?:(?i:your|dein|deine|tu|votre|from|von) )?"
    rf"| (?i:from|von|de|da|di|van|od|fran)? ?){_NAME}{_END}"
)
_PHRASED = re.compile(rf"(?i:{_PHRASE})[ ,:]{{1,2}}(?:(?i:{_TITLE}) ){{0,3}}{_NAME}")
_GREETING_STARTS = """
    dear hi hello hey hallo liebe lieber liebes sehr guten gruss bonjour bonsoir salut cher chere hola estimado
    estimada querido querida buenos buenas ciao cara caro gentile egregio egregia buongiorno salve ola prezado
    prezada beste geachte hoi dag czesc drogi droga szanowny szanowna witam hej kara basta ahoj mila mily
"""
_TITLES = """
    mr mrs ms miss dr prof sir madam herr herrn frau fraulein m mme mlle monsieur madame mademoiselle sr sra srta
    don dona senor senora senhor senhora sig signor signora dott dottssa dhr mevr mevrouw meneer pan pani panu fru
"""
_SIGN_OFF_STARTS = """
    kind best warm kindest warmest many regards wishes sincerely yours cheers thanks thank love lots all xoxo mit
    freundlichen besten lieben herzlichen viele liebe beste schone mfg lg vg danke vielen alles dein deine euer eure
    cordialement bien sinceres bises bisous merci amities saludos un atentamente abrazos besos gracias con cordiali
    distinti saluti baci grazie atenciosamente cumprimentos com abracos beijos obrigado obrigada met groetjes
    groeten mvg liefs bedankt pozdrawiam z dziekuje usciski med mvh halsningar tack s dekuji
"""
_PHRASE_STARTS = """
    my i this name on signed attn attention care c ask addressed ich mein z zu bitte je mon a me mi il all alla
    chamo meu em ao ik mijn t tav ter nazywam mam na do jag mitt jmenuji happy alles zum joyeux feliz buon parabens
    gefeliciteerd fijne wszystkiego grattis
"""
_BY_FIRST_WORD: dict[str, list[re.Pattern[str]]] = {}
"""The patterns that can begin with a word: they are tried where the word stands, and nowhere else."""
for _words, _pattern in (
    (_GREETING_STARTS, _GREETED),
    (_TITLES, _TITLED),
    (_SIGN_OFF_STARTS, _SIGNED),
    (_PHRASE_STARTS, _PHRASED),
):
    for _word in _words.split():
        _BY_FIRST_WORD.setdefault(_word, []).append(_pattern)
_FIRST_WORDS = frozenset(_BY_FIRST_WORD)
_NOT_NAMES = frozenset("""
    mr mrs ms miss dr prof herr herrn frau fraulein mme mlle sr sra srta senor senora senhor senhora sig signor
    signora dott dhr mevr mevrouw meneer pani panu fru
    the this that these those team all everyone everybody customer customers service support sir madam sirs friend
    friends folks guys people shop store seller there again please thanks thank can could would will when where what
    why how is are do does my our your we you i it if and or but for from with at on in to a an order orders parcel
    package item items product products address delivery shipping gift wrap wrapping note invoice number phone email
    card payment mum mom mummy dad daddy mama papa mutti vati maman oma opa grandma grandpa granny nana mother father
    sister brother family january february march april may june july august september october november december monday
    tuesday wednesday thursday friday saturday sunday damen herren kunde kunden kundin kundenservice kundendienst
    zusammen leute alle freunde ich wir sie ihr du bitte können konnen die der das den dem ein eine es ist und mein
    meine unser bestellung paket lieferung geschenk rechnung artikel montag dienstag mittwoch donnerstag freitag
    samstag sonntag januar februar marz mai juni juli oktober dezember client clients equipe madame monsieur messieurs
    mesdames je nous vous il elle le la les un une des mon ma mes votre notre commande colis cadeau livraison equipo
    cliente clientes senores amigos yo el los las una mi su por para que pedido regalo envio entrega gentili clienti
    signori amici io noi lo gli mio ordine pacco consegna equipa eu nos o os as um uma meu presente klant klanten
    klantenservice mensen iedereen ik wij het een mijn bestelling pakket levering panstwo klient zespole obsluga
    klienta zamowienie paczka prosze kund kundtjanst alla jag vi present leverans zakazniku zakaznici vseho usps ups
    dhl fedex gls dpd hermes sku ean vip ok asap id no nr size black white red blue green birthday christmas xmas
    merry happy frohe frohes schone schones joyeux joyeuses feliz buon buona prettige fijne wesolych
    easter weihnachten geburtstag noel navidad natale natal kerst everything nothing one two three best regards kind
    love enjoy congratulations gluckwunsch herzlichen felicitations felicidades auguri parabens
    """.split())


def find(view: View) -> Iterator[Span]:
    """Names that a greeting, a title, a sign-off or a phrase announces."""
    if view.vocabulary.isdisjoint(_FIRST_WORDS):
        return
    for word, start, _ in view.words:
        for pattern in _BY_FIRST_WORD.get(word, ()):
            match = pattern.match(view.text, start)
            end = _name_end(view, *match.span("name")) if match else 0
            if match and end:
                yield Span(match.start("name"), end, "NAME")


def _name_end(view: View, start: int, end: int) -> int:
    """Where the name ends: before the first word that is none; 0 when it begins with one."""
    position = start
    for match in re.finditer(r"[\w'.-]+", view.folded[start:end]):
        word = match[0].strip(".'-")
        if word in _NOT_NAMES or any(part in _NOT_NAMES for part in word.split("-")):
            break
        position = start + match.end()
    return position if position > start else 0
