"""Words of everyday English that say nothing about the subject of a question, by their classes. A word that is neither
here nor in the knowledge is foreign: what it asks about isn't known.
"""

_TALK = """
    hey hi hello hm hmm ok okay oh ah well please pls plz thanks thank thx cheers dear sorry yes yeah yep nope right
    alright ahem folks guys mate dude team everybody everyone anyone anybody somebody someone nobody person people
    human humans lol btw asap eg ie etc vs sth smth thing things stuff something anything nothing everything
    whatever one ones bit lot lots load loads bunch couple few several many much little enough quite rather pretty
    fairly really actually basically roughly simply exactly precisely maybe perhaps possibly probably likely surely
    certainly obviously apparently seemingly kindly briefly shortly short long quick quickly fast soon early late
    later now today currently right away immediately already still yet again always never ever often sometimes
    usually normally typically generally usual normal typical once twice here there where anywhere somewhere
    everywhere back away ahead around along across apart aside together alone else instead otherwise though although
    however therefore thus hence also too either neither both whether because since unless until while during
    meanwhile afterwards after before beforehand beginning begin begins end ends finally first second third last
    next previous following new newer old older recent recently latest whole entire complete full plain simple easy
    hard difficult clear unclear good bad better best worse worst great nice fine proper correct wrong big bigger
    biggest large larger largest small smaller smallest tiny huge high higher highest low lower lowest main major
    minor key important most least less more only just even almost nearly barely hardly about approximately per
    whose own myself yourself himself itself themselves ourselves mine yours theirs others another same such certain
    various different similar kind kinds sort sorts type types way ways case cases example examples instance part
    parts piece pieces
    """
_DOING = """
    be been being do does did done doing have has had having can could may might must shall should will would ought
    need needs needed want wants wanted wish like likes get gets getting got gotten give gives given giving gave go
    goes going gone went come comes came coming make makes made making take takes taken taking took put puts putting
    set sets keep keeps kept keeping let lets say says said saying tell tells told telling show shows shown showing
    see sees seen seeing saw look looks looked looking find finds found finding know knows known knowing think
    thinks thought mean means meant meaning understand understood explain explains explained describe described
    define defined definition translate read reads reading write writes written writing ask asks asked asking answer
    answers answered list lists listed name named call calls called help helps use uses used using try tries tried
    trying start starts started starting stop stops work works worked working run runs happen happens happened
    happening turn turns turned seem seems seemed become becomes became remain remains stay stays stand stands leave
    leaves left bring brings brought send sends sent pick picks picked choose chosen happen deal deals dealt handle
    handled handling proceed proceeds react reaction respond act acts action actions measure measures step steps
    move moves follow follows suppose supposed expect expected require required requires allow allowed allows permit
    permitted permits entitled fit fits matter matters count counts hear heard learn add adds change changes changed
    happen walk through drive drives drove driving light lit up down raise raised raises tip tipped contribute
    contributed contributes weigh weighs weighed cause causes caused lead leads led point points stick sticks judge
    judged judging believe consider considered compare compared interpret figure sum summarise summarize summary
    overview brief detail details information info fact facts idea reason reasons worry worried worries care trust
    suggest suggested suggestion recommend recommended recommendation advise advice propose prove proves proven wait
    waits waiting waited last lasts lasted happen apply applies applied concern concerned concerning regard
    regarding belong belongs contain contains contained include includes included involve involved consist consists
    exist exists depend depends
    """
_MEASURE = """
    number numbers amount amounts value values total percent percentage share rate level point time times moment
    date day days week weeks month months year years hour hours minute minutes second seconds ago deadline limit
    limits max maximum min minimum unit units size word words line term terms sense life question questions place
    daytime night midnight morning evening noon weekend monday tuesday wednesday thursday friday saturday sunday
    euro euros eur cent cents zero two three four five six seven eight nine ten hundred thousand
    """
_MORE = """
    far near close closer nearest indicate indicates indicated indication suspected pattern patterns cope copes
    copying obvious obviously fastest quicker quickest slow slower slowly early earlier earliest latest wasn weren
    didn hasn haven couldn wouldn shouldn isn aren doesn don won ain able unable possible impossible likely unlikely
    bound due own actual total totally complain talk talks talked speak speaks spoke discuss mention mentions
    mentioned state stated states notice noticed realise realize recognise recognize remember forget forgot wonder
    wondering guess assume assumed assuming imagine hope hoping appear appears appeared arrive arrives arrived occur
    occurs occurred result results resulting reach reached miss missed avoid prevent fail fails failed succeed
    manage manages managed prefer agree disagree accept accepts accepted deny denied carry carries carried push pull
    pulled throw catch caught hit touch touched join joined link linked connect connected relate related relation
    regardless meant regards respect consequence consequences effect effects impact purpose purposes goal goals aim
    intention role roles task tasks duty situation situations circumstances condition conditions status position
    stage phase process procedure procedures problem problems issue issues trouble difficulty mistake mistakes error
    errors fault faults rule rules guideline guidelines advice tip hint hints sign signs signal signals clue clues
    colloquial abbreviation short form sentence sentences text texts message messages note notes common rare rarely
    frequent frequently regular regularly special specific specifically particular particularly single double
    multiple additional extra further main general overall average strong strongly weak hardly deeply alike opposite
    equal equally exact direct directly indirect automatically automatic manual manually personally myself instead
    besides moreover plus minus above below under over within without beyond behind beside between among inside
    outside onto into upon towards toward against via throughout anymore anyhow anyway somehow somewhat sometime
    someday whatsoever wherever whenever whoever print printed longer sure certain free open worth edge gist gimme
    wanna gotta dunno cannot kinda sorta aka fyi able about absolute accurate actual afraid against agree agreed
    agreement ahead alive amazing angry annoying appropriate attempt attempts authority aware awful backwards base
    based basic behave behaves besides big boring brand broad busy careful carefully careless casual central
    challenge chance chances character cheap cheaper choice choose circumstance comfortable comment comments common
    comparison complain completely complicated concept confident confirm confirmed confuse confused confusing
    consequence constant constantly context continue continued control correct correctly curious currently damn
    danger dangerous decent deep definitely deliberate deliberately demand deserve deserves desire desperate despite
    destroy develop difference differ differs direction discover double doubt doubtful drop drops dropped dumb
    during easier easily effective efficient effort element emergency empty encounter encounters ensure entirely
    entry equal especially essential establish estimate eventually evidence evident exceed except exception excuse
    existing expectation experience experienced expert extent extra extreme extremely fair faster favour fear feel
    feels feeling felt fill final finish finished firstly fix fixed focus force forced forever form formal forms
    forward frankly fresh friendly front full fully fun funny gain gather general gladly glad global gone grab
    gradually grateful greater grow grows grown guarantee guilty habit half happy harm head heavy heck hell
    hopefully hurry hurt ideal ideally identify ignore ignored immediate improve inactive inactivity including
    incorrect incredible individual inform informed initial initially insist intend intended intentional interest
    interested interrupt introduce invent inform involve item join keen knowledge labelled lack lacks lately legal
    legally less lesser let letting lift light literally live lives living load logic logical look looked loose lose
    loses losing lost loud lower luck lucky mad magic majority manner mark massive maybe meaningful means medium
    mention merely mess mid middle might mind minimal minor missing mix mixed modify moment mood motion mostly
    movement mysterious mystery narrow nature naturally necessarily necessary negative neither nervous neutral
    nevertheless newest nicely none nonsense nope norm notable notion obtain occasion occasionally odd offer offered
    official okay opinion opportunity option options ordinary origin original outcome overall owe owner pace pair
    panic partly path patient perfect perfectly perform performed permanent permission pile plan plans play plays
    pleased plenty polite popular positive possibility potential potentially power practical practice precise
    preferably prepare present presumably pretty previously principle prior private probable produce progress proof
    protect provide provides provided public purely pushed puzzle puzzled qualify quantity quiet random rapid
    rapidly rare rating raw reaction ready real realistic reality reasonable reasonably recall receive received
    recognise reduce refer refers reflect refuse refused regarding region reject rejected related relative relax
    relevant reliable rely remaining remark repeat repeated replace report reports represent request requirement
    rest restrict return returns review rid risk risks risky rough roughly round routine rude safe safely safety
    satisfied save saved scale scary scope secret secretly section seek select selected sensible sensitive separate
    separately serious seriously serve serves severe shape sharp shock shocking silly similarity simplest simply sit
    sits skip slight slightly smart smooth sole solely solution solve solved sooner source spend spent spot spotted
    stage standard straight strange stress strict strictly struggle stuck stupid subject succeed sudden suddenly
    sufficient suit suitable suspicion switch talking target tell temporary tend tends term terrible test thank
    theory thorough thoroughly thought threat tidy tight tiny tired topic tough towards trace trap treat tricky
    trigger true truly trust truth tweak twice ultimate ultimately unable uncertain unclear uncommon unexpected
    unfortunately unique unknown unnecessary unsure unusual update updated upset urgent usable useful useless
    usually utterly vague valid variety vary vast version view visible vital wild willing wise wonder wonderful
    wondering worse worst worthy wow yell zero sign signs signed signing off left remaining ring rings rang lock
    locks locked nobody involve involved grow
    """
NUMBERS_OF_TIME = frozenset("hour hours day days minute minutes week weeks month months year years time".split())
_OF_THE_SUBJECT = """
    reject rejected refuse refused report reports request review version private secret raw region quantity test
    lock locks locked return returns save saved identify missing lost trace rating legal outcome source evidence
    inform informed urgent item owner update cheap cheaper unknown unusual suspicion threat deliberate control
    confirm confirmed exception replace proof similarity negative neutral inactive inactivity risk risks dropped
    drop drops power path
    """
PLAIN_WORDS = frozenset(f"{_TALK} {_DOING} {_MEASURE} {_MORE}".split()) - frozenset(_OF_THE_SUBJECT.split())
