"""What words mean to the proof of a statement (`facts`): phrases and words that turn a fact round when they change,
words that mean the same, and words that add nothing."""

import re

_PHRASES = (
    (
        r"\b(?:is|are|was|were|be) (?:not|never) (?:allowed|permitted|entitled)(?: to)?\b|\bforbidden\b|\bprohibited\b",
        "FORBIDDEN",
    ),
    (r"\b(?:is|are|was|were|be) (?:allowed|permitted|entitled)(?: to)?\b|\ballows?\b|\bpermits?\b", "MAY"),
    (r"\b(?:has|have|had|needs?) to\b|\b(?:is|are) (?:required|obliged) to\b", "MUST"),
    (r"\b(?:does|do|did)(?: not) (?:have|need) to\b", "NOT MUST"),
    (
        r"\b(?:at (?:the )?most|up to|no more than|not more than|no longer than|not longer than|a maximum of"
        r"|maximum of|or less)\b",
        "ATMOST",
    ),
    (r"\b(?:at (?:the )?least|no less than|not less than|no fewer than|a minimum of|minimum of|or more)\b", "ATLEAST"),
    (r"\bat or above\b", "REACHES"),
    (r"\b(?:more than|greater than|higher than|larger than|longer than|over|above|exceeds?|beyond)\b", "MORE"),
    (r"\b(?:less than|fewer than|lower than|smaller than|shorter than|under|below)\b", "LESS"),
    (r"\b(?:instead of|rather than)\b", "INSTEAD"),
    (r"\b(?:as soon as|as long as|in case|provided that|whenever)\b", "IF"),
    (r"\bat any time\b|\bany ?more\b", "then"),
    (r"\bno longer\b", "NOT"),
    (r"\bper ?cent\b|%", "percent"),
    (r"\bby (?:itself|themselves|hand)\b", "itself"),
)
PHRASES = tuple((re.compile(pattern), meaning) for pattern, meaning in _PHRASES)

CRITICAL_WORDS = {
    **dict.fromkeys("not no never none nobody nothing neither nor without hardly rarely seldom".split(), "NOT"),
    **dict.fromkeys("may can could might".split(), "MAY"),
    **dict.fromkeys("must shall".split(), "MUST"),
    **dict.fromkeys("should ought".split(), "SHOULD"),
    **dict.fromkeys("all every each everybody everyone always".split(), "ALL"),
    **dict.fromkeys("any anybody anyone".split(), "ANY"),
    **dict.fromkeys("some several few sometimes many most mostly often".split(), "SOME"),
    **dict.fromkeys("only alone just solely exclusively".split(), "ONLY"),
    **dict.fromkeys("unless except excluding".split(), "EXCEPT"),
    **dict.fromkeys("if when whether once where".split(), "IF"),
    **dict.fromkeys("before earlier prior".split(), "BEFORE"),
    **dict.fromkeys("after afterwards later".split(), "AFTER"),
    **dict.fromkeys("until till".split(), "UNTIL"),
    **dict.fromkeys("within".split(), "WITHIN"),
    **dict.fromkeys("first firstly".split(), "FIRST"),
    **dict.fromkeys("last latest finally".split(), "LAST"),
    **dict.fromkeys("more higher larger greater bigger longer dearer".split(), "MORE"),
    **dict.fromkeys("less lower smaller fewer shorter cheaper".split(), "LESS"),
    **dict.fromkeys("high large great big long dear expensive".split(), "HIGH"),
    **dict.fromkeys("low small short little cheap".split(), "LOW"),
    **dict.fromkeys("than".split(), "THAN"),
    **dict.fromkeys("instead".split(), "INSTEAD"),
    **dict.fromkeys("both".split(), "BOTH"),
    **dict.fromkeys("or".split(), "OR"),
    **dict.fromkeys("also".split(), "ALSO"),
    **dict.fromkeys("half".split(), "#0.5"),
    **dict.fromkeys("twice double".split(), "#2"),
    **dict.fromkeys("same equal".split(), "SAME"),
    **dict.fromkeys("different differing other another differ differs".split(), "OTHER"),
    **dict.fromkeys("above over".split(), "MORE"),
    **dict.fromkeys("below under".split(), "LESS"),
    **dict.fromkeys("old older oldest".split(), "OLD"),
    **dict.fromkeys("new newer newest".split(), "NEW"),
    **dict.fromkeys("right correct".split(), "RIGHT"),
    **dict.fromkeys("wrong incorrect false".split(), "WRONG"),
    **dict.fromkeys("increase increases rise rises raise raises".split(), "RAISE"),
    **dict.fromkeys("decrease decreases fall falls drop drops lower lowers".split(), "FALL"),
}
"""Words that turn a fact round when they change, by their meaning. "lower" compares more often than it acts."""
CRITICAL_WORDS["lower"] = "LESS"

SMALL_NUMBERS = {
    word: number
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
        " seventeen eighteen nineteen twenty".split()
    )
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "eighty": 80, "ninety": 90, "hundred": 100, "thousand": 1000}

UNITS = frozenset("""
    hour dai minut month week year second percent euro cent quarter case order time spread card version line unit
    """.split())
"""Stems of what is counted: a number and its unit are one."""

SMALL_WORDS = frozenset("""
    a an the of to in on at by for from with as is are was were be been being am it its this that these those there
    here and but so then too very quite do does did doing has have had having will would which who whom whose
    what how their they them he she his her you your we our us i my me one's up out into onto upon about per via
    because since such itself themselves himself while though although however therefore thus hence whereas yet
    still even
    """.split())
"""Words that neither add nor change a fact here. "from … to" keeps its order by its numbers."""

FILLER = frozenset("""
    last order rule polici say state accord sourc evid mean take get need follow case person somebodi general
    section page entri answer note pleas must_be thing
    """.split())
"""Stems that a statement may add or leave out."""

ROLES = frozenset("""
    analyst lead leader team engin offic officer custom owner polic depart addresse sender bank shop servic forest
    guard champion challeng score threshold version card bill deliveri devic address provid market catalogu manag
    employe staff compani model colleagu friend kei token fraud shift legal parcel price quantiti reason featur
    account warehous marketplac
    """.split())
"""Stems of who and what acts: two of them in a clause can be swapped."""

NEVER_LENT = ROLES | frozenset("""
    keep hold cancel releas remov forget decid block lock stop honour refund accept object refus tell ask write call
    contact look chang close open send restor train promot miss undo answer deliv paid free freez withdraw begin end
    expect act do find show decis contact escal retent allow know arriv
    """.split())
"""Stems that a title or heading may not lend to a statement: who acts, and what is done."""

ORDERING = frozenset("""
    BEFORE AFTER UNTIL FIRST LAST THAN INSTEAD MORE LESS NOT FORBIDDEN EXCEPT IF OTHER ONLY then from against
    """.split())
"""What gives the words around it an order."""

IMPERATIVES = frozenset("""
    cancel hold stop lock block freeze check compare see look count write call take tell give offer mark score
    record find ask refund hand report bring object accept group act read decide make release close start say go use
    run choose keep send open deliver expect train search work announce refer treat show sort press identify order
    """.split())
"""Words that a line begins with which tells what to do."""

_SAME = """
    held hold; kept keep; sent send; told tell; paid pay; bought buy; written write; wrote write; found find; chosen
    choose; given give; gone go; taken take; made make; lost lose; stolen steal; shown show; known know; begun
    begin; began begin; started begin; start begin; starts begin; buyer customer; buyers customer; client customer;
    clients customer; shopper customer; shoppers customer; customers customer; product article; products article;
    item article; items article; package parcel; packages parcel; deleted remove; delete remove; deletes remove;
    deleting remove; removed remove; erased remove; stored keep; stores keep; retained keep; retain keep; verify
    check; verified check; inform tell; informed tell; notify tell; notified tell; eur euro; € euro; big large;
    leader lead; canceled cancel; cancelled cancel; cancelling cancel; cancels cancel; anomalous anomaly; likeness
    similarity; placed place; seen see; hours hour; requires need; required need
    """
SAME = {pair.split()[0]: pair.split()[1] for pair in _SAME.replace("\n", " ").split(";") if pair.strip()}
"""Words of one meaning, and irregular forms. Only what can't mislead: no "block" for "hold", no "refuse" for
"cancel"."""
