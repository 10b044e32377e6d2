"""What the words of a question are for: classes of words and forms of questions, from which its intent is read."""

import re

REFERENCE = frozenset("""
    it its this that these those they them him her one ones order orders purchase transaction thing things case here
    customer customers buyer client now so hey exactly really short plain quick quickly line brief
    """.split())
"""Words that point at what is selected and say nothing about it."""

VERDICT = frozenset("""
    score scores scored scoring flag flags flagged anomaly anomalies anomalous unusual odd oddity strange weird
    suspicious suspect fishy dubious wrong alarm alarms alert alerts alerted verdict reason reasons factor factors
    contribute contributed contributes contribution contributions weigh weighs raise raised drove drive driven stand
    stands stood explain explains explanation summary summarise summarize describe fraud fraudulent cheat cheating
    cheated scam worried worry threshold exceed exceeded limit model system detector find found look looks closer
    tipped tip lit pick picked notice noticed strikes biggest main largest deal fine bad normal ordinary usual
    number figure story high higher highest judge judging caught marked matter trigger triggered cause caused caused
    compare compared cry likely just overview details point points extreme attention interesting special peculiar
    abnormal
    """.split())
"""Words about how an order was judged."""

FACTS = frozenset("""
    channel country countries paid pay pays payment method worth amount total value basket cart item items goods
    article articles bought buy buys ordered placed made time day date hour when shipped shipping ship destination
    sent going price quantity quantities unit units category categories contents content inside product products
    currency cost costs card involved come came order opened weekday bill billed
    """.split())
"""Words about what an order holds."""

FACT_LINES: tuple[tuple[frozenset[str], tuple[str, ...]], ...] = (
    (frozenset("when time day date hour weekday placed channel come came".split()), ("ordered on",)),
    (
        frozenset("country countries shipped ship destination sent going where bill billed card".split()),
        ("goes to", "card is from"),
    ),
    (frozenset("paid pay pays payment method".split()), ("paid by",)),
    (
        frozenset(
            "worth amount total value basket cart item items goods article articles bought buy buys quantity quantities"
            " unit units category categories contents content inside product products currency cost costs".split()
        ),
        ("worth",),
    ),
)
"""Which line of an order holds what is asked for: the words that ask, and what the line has in it."""

LIKENESS = frozenset("""
    similar similarly alike like resemble resembles resembling comparable compare compared comparison same such sort
    precedent precedents match matching matches analogous kin equal equivalent parallel parallels
    """.split())
PAST = frozenset("""
    before past earlier former formerly previous previously archive history ever old older already once seen
    happened case cases orders precedent precedents back
    """.split())
CASE_WORDS = LIKENESS | PAST | frozenset("""
    show list find give see look looks seen have had happen happened anything something most other others kind
    """.split())
"""Words of a question for past cases."""

CHECKS = frozenset("""
    check checks checked checking verify verifies verifying verification inspect investigate investigation
    """.split())
LOOKS = re.compile(
    r"\blook(?:ed|ing)? (?:at |into |for )?(?:it )?(?:first|into|at first)|\bwhere (?:should|do|shall"
    r"|must) (?:i|we) (?:look|start|begin)"
    r"|\blook (?:at|into|for)\b.*\bfirst\b|\bfirst\b.*\blook"
)
HARMLESS = re.compile(
    r"\b(?:harmless|innocent|innocently|legit|legitimate|legitimately|mistaken for|mixed up|confused with"
    r"|genuine|false alarm|benign|look-?alike)\b"
)
AFTERWARDS = re.compile(
    r"\b(?:afterwards?|after (?:the|this|that|it|closing|i|we)|once (?:it|the case) is (?:closed|done))\b"
)
ADVICE = re.compile(
    r"\b(?:what|how|where) (?:should|shall|do|must|can|could|would|am|are|ought|to) (?:i|we|one|do|proceed"
    r"|handle|act|react|check|verify)\b"
    r"|\bwhat(?:'s| is| has| needs)? (?:to be|got to be|needs to be|should be|must be|be) (?:done|checked|verified)\b"
    r"|\bto (?:do|be done)\b|\bshould be (?:done|checked)\b|\bhave to (?:do|check|verify)\b|\bdo (?:anything"
    r"|something)\b"
    r"|\bnext steps?\b|\bsteps\b|\bproceed\b|\bgo on\b|\bwhat(?: now|'s next| next| first)\b|\bnow what\b|^and now\b"
    r"|\breact(?:ion)?\b|\bactions?\b|\bmeasures\b|\brecommend(?:ed|ation)?\b|\bsuggest(?:ion)?s?\b|\badvi[cs]e\b"
    r"|\bchecks?\b|\bchecking\b|\bverify\b|\bmy job\b|\b(?:handle|deal with|treat|respond)\b|\blooking into\b|\bhelp\b"
)
ADVICE_WORDS = CHECKS | frozenset("""
    do does done doing next step steps proceed go on now first handle deal treat respond react reaction action
    actions act measure measures recommend recommended recommendation suggest suggested suggestion advise advice
    start starting begin beginning look looking help need needed needs supposed right way what how come comes
    deciding decide harmless innocent legit legitimate legitimately mistaken genuine false alarm benign explanation
    reason kind often afterwards after closed buy buys much look looks same something person people
    """.split())
"""Words of a question for what to do about the selected order."""

WHO = re.compile(
    r"\bwho(?:se|m)?\b|\bwho's\b|\b(?:allowed|permitted|entitled|permission|authorised|authorized|forbidden"
    r"|prohibited)\b"
    r"|\b(?:may|can|could|must|should) (?:i|we|an?|the|anybody|anyone|analysts?|employees|staff|it|they|a)\b"
    r"|\bmay\b|\bright to\b"
    r"|\bhave to ask\b|\bdo i need\b|\bis it (?:ok|okay|alright|all right|fine|me)\b|\bon (?:my|our"
    r"|their) own\b|\bmyself\b|\bby hand\b"
    r"|\balright\b|\bwhose (?:call|ok)\b|\bauthority\b|\b(?:am|are) (?:i|we) free\b|\bsigns? off\b"
    r"|\bok do i need\b|\bwhich\b.*\b(?:fine|ok|okay)\b|\bdo i\b"
)
HOW_LONG = re.compile(
    r"\bhow (?:long|quick|quickly|fast|soon|often)\b|\bhow many (?:\w+ )?(?:hours?|days?|minutes?|weeks?"
    r"|months?|years?)\b|\bhow much time\b"
    r"|\b(?:until|till|since|by) when\b|\bdeadline\b|\bretention\b|\b(?:time|storage) (?:limit|time)\b"
    r"|\blongest\b|\bwithin (?:what|how|which)\b"
    r"|\bwhat time\b|\bhold time\b|\bstorage time\b|\bhow many (?:hours|days|minutes|months)\b|\bafter (?:how|what)\b"
    r"|\b(?:hours|days|minutes|months) (?:max|at most)\b|\bwhen\b|\bkept for\b|\b(?:hours|days|minutes|months"
    r"|time) (?:left|until|till)\b|\bmax(?:imum)?\b|\blonger than\b|\bhow early\b"
)
HOW_MUCH = re.compile(r"\bhow (?:much|many)\b|\bup to\b|\bwhat (?:share|percentage|loss|limit|amount)\b")
MEANING = re.compile(
    r"\bmean(?:s|ing|t)?\b|\bexplain(?:s|ed)?\b|\bwhat(?:'?s| is| are| was)\b|\bunits?\b|\bmeasured\b"
    r"|\bdefin(?:e|ed|ition)\b"
    r"|\bstands? for\b|\bsays?\b|\btells?\b|\binterpret\b|\bread\b|\bcount(?:s|ed)?\b|\bcompares?\b"
    r"|\btranslate\b|\bplain words\b"
    r"|\bunderstand\b|\bfeature\b|\bhow is\b|\bin percent\b|\ba lot\b|\bwhen is\b|\bwhy is\b|\bor\b|^\W*and\b|\bhm+\b"
)

_PERSON = (
    r"(?:customer|buyer|client|shopper|addressee|recipient|payer|lead|analyst|colleague|boss|he|she|person"
    r"|owner|card ?holder)"
)
PERSONAL = re.compile(
    rf"\b{_PERSON}(?:'?s)?\b.*\b(?:name|phone|telephone|mobile|e-?mail|address|street|birthday|age|married"
    r"|religion|gender|salary|favou?rite|number|born|live[sd]?|nationality)\b"
    r"|\b(?:name|phone number|telephone|mobile number|e-?mail(?: address)?|home address|street|birthday|age|religion"
    rf"|salary) (?:and \w+ )?(?:of|belonging to) (?:the |this |our )?{_PERSON}\b"
    rf"|\bhow (?:old|tall|rich|heavy) (?:is|are|was)\b|\bwhere does (?:the |this )?{_PERSON} live\b"
)
LOOKUP = re.compile(
    r"\b(?:what(?:'?s| is| are| was)|give|tell|show|send|print|find|where|how old|is the|i need|full|please"
    r"|pls|who is|which)\b"
)
NOT_A_LOOKUP = re.compile(
    r"\b(?:model|know|knows|feature|masked|mask|access|fed|stored|see|sees|may|can|allowed|changed?|new"
    r"|mismatch|how (?:do|does|is))\b"
)
SECRET = re.compile(
    r"\b(?:give|tell|print|show|send|reveal|say|what(?:'?s| is))\b.*\b(?:password|passphrase|masking key"
    r"|api key|secret|system prompt|your (?:instructions|rules|prompt))\b"
    r"|\b(?:ignore|forget|disregard)\b.*\b(?:rules|instructions|everything|evidence|told)\b"
)
PRIVATE = re.compile(
    r"\b(?:should|shall|can|could|may|do|would|must) (?:i|we|one) (?:buy|sell|eat|drink|cook|wear|watch|play|visit"
    r"|invest|marry|study|travel|rent|read tonight)\b"
)
"""What somebody decides for themselves: nobody here buys or sells but the shop and its customers."""
FUTURE = re.compile(r"\b(?:will|gonna|going to|predict|forecast|tomorrow|next (?:week|month|year|time))\b")
KINDS = re.compile(r"\b(?:which|what|list|all|how many)\b.*\bkinds?\b|\bnamed kinds\b")
POINTING = frozenset("this that it its order one why".split())
TIME_WORDS = frozenset(
    "hour hours day days minute minutes month months week weeks time year years long deadline wait waits waiting take"
    " takes last lasts".split()
)
JUDGED = re.compile(
    r"\b(?:why|reasons?|score[ds]?|flag(?:ged|s)?|anomal\w+|threshold|wrong|unusual|odd|strange|suspicious|fine)\b"
)
WHOLE = re.compile(r"\b(?:summar\w+|describe|overview|tell (?:me )?about|details?)\b")
FORBIDDEN = re.compile(r"\b(?:never|not|avoid|forbidden|n't)\b")
PERMISSION_WORDS = frozenset("""
    allowed permitted entitled authority permission authorised free right ok okay alright forbidden prohibited fine
    own alone myself may might
    """.split())
"""Words that ask whether something may be done, and not what."""
FORETELLING = re.compile(r"\b(?:predict|forecast|tomorrow|gonna)\b|\bwill\b.*\bnext\b")
