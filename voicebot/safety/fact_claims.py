"""Claims that something was done, is in some state or will be done, and names: what a sentence asserts beyond figures.

A word of completion counts as a claim wherever it stands, unless its sentence asks, denies, supposes or says what could
be. That is strict on purpose: a sentence that is dropped costs a question, an action that was never taken costs a caller.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

DONE: Final[dict[str, str]] = {
    "book": "booked|reserved|scheduled|arranged|put you down|put you in|penciled|slotted|set up|blocked out|secured",
    "cancel": "cancelled|canceled|called off|voided|stopped your order|withdrawn|taken out of the (?:book|calendar|diary)",
    "move": "moved|rescheduled|shifted|postponed|brought forward|pushed back|changed your (?:appointment|booking)|switched",
    "ship": "shipped|dispatched|on (?:its|the|their) way|in transit|out for delivery|left (?:us|our|the)|with the courier|handed to the courier|posted|sent out|gone out",
    "deliver": "delivered|arrived|dropped off",
    "pack": "packed",
    "workshop": "in (?:the|our) workshop|on the stand",
    "ready": "ready(?! to help| to take)|waiting for you|can be (?:picked up|collected)",
    "repair": "repaired|fixed|serviced|mended|tuned up",
    "send": "sent|emailed|e-mailed|texted|mailed|forwarded|passed (?:it|that|this|your|the) (?:\\w+ )?(?:on|along)|couriered",
    "refund": "refunded|reimbursed|credited|money back|given you (?:a|the) (?:refund|credit|discount|voucher)|compensated",
    "order": "ordered|placed (?:the|an|your|that)|put through|requested",
    "pay": "paid|charged|billed|debited|deducted|settled|went through|gone through",
    "update": "updated|changed|corrected|edited|amended|saved|recorded|noted|made a note|added|removed|deleted|registered|signed (?:you )?up|subscribed|submitted|filed|entered|logged|opened a|created|put (?:it|that|this|you) (?:on|in|into) (?:the|our)|applied|flagged|extended|activated|waived|upgraded|issued|generated|unlocked|reset|escalated|assigned|attached|set aside",
    "tell": "notified|informed|alerted|let (?:them|him|her|the \\w+|my colleagues?|our \\w+) know",
    "confirm": "confirmed|all set|all done|sorted|taken care of|dealt with|completed|finalised|finalized|finished|processed|resolved|approved|good to go|locked in|successful(?:ly)?|in the (?:book|books|calendar|diary)|looked after|handled|accepted|fulfilled|wrapped up|accomplished|gone ahead",
    "stock": "in stock|out of stock|sold out|back in stock|on back ?order|ran out|run out",
    "lost": "lost|delayed|running late|late|held up|damaged|stuck|returned|missing|on hold",
}  # fmt: skip
"""Words of completion, by what was done. A result says so by the same group."""

SUCCESS: Final = frozenset({"ok", "okay", "done", "success", "successful", "succeeded", "completed", "confirmed", "true", "accepted"})
STATES: Final = frozenset({"ship", "deliver", "pack", "workshop", "ready", "repair", "stock", "lost"})
"""What a system only reports; the others are done by somebody."""
BASES: Final[dict[str, str]] = {
    "book": "book reserve schedule arrange", "cancel": "cancel void", "move": "move reschedule shift postpone change",
    "ship": "ship dispatch deliver", "send": "send email text mail forward message", "refund": "refund reimburse credit",
    "order": "order purchase buy", "pay": "pay charge bill", "update": "update change correct edit save note add remove delete register replace upgrade waive extend hold keep apply record", "tell": "notify inform alert tell call phone ring contact",
    "repair": "repair fix service",
}  # fmt: skip

_GROUPS: Final = {group: re.compile(rf"\b(?:{words})\b") for group, words in DONE.items()}
_BARE_DONE: Final = re.compile(r"(?:\b(?:is|are|it's|that's|all|been|consider (?:it|that)) (?:now |already |as good as )?done\b)|^\W*(?:okay[,.]? |alright[,.]? |great[,.]? |and |perfect[,.]? )?done\b")
_CONTRACTIONS: Final = (
    (r"\bi'm\b", "i am"), (r"\b(i|you|we|they)'ve\b", r"\1 have"), (r"\b(you|we|they)'re\b", r"\1 are"),
    (r"\b(i|you|we|they|he|she|it|that|there)'ll\b", r"\1 will"), (r"\bwon't\b", "will not"), (r"\bcan't\b", "can not"), (r"\bcannot\b", "can not"),
    (r"\b(\w+)n't\b", r"\1 not"), (r"\b(it|that|there|he|she|everything|what|which|order|appointment|booking|package|bike|bicycle)'s\b", r"\1 is"), (r"\b(i|you|we|they)'d\b", r"\1 would"),
)  # fmt: skip
_SUPPOSES: Final = re.compile(r"\b(?:if|unless|whether|until|once|as soon as|in case|whenever|should you|after it is|before it is|when it is)\b[^,.;]*$")
_COULD: Final = re.compile(r"\b(?:can|could|may|might|would|must|should|to|cannot|have to|need to|needs to|want|like|wish)(?: (?:not|be|have|get|your|the|it|that|also|only|still|\w+ly|order|orders|appointments?|bookings?)){0,4} ?$")
_WILL: Final = re.compile(r"\b(?:will|shall|going to|gonna)(?: (?:not|be|have|get|been|then|also|soon|already|\w+ly))* ?$")
_NOT: Final = re.compile(r"\b(?:not|never|nothing|no longer|without being|yet to be|no)(?: (?:\w+)){0,3} ?$")
_CALLER_DID: Final = re.compile(r"\b(?:you|you have|you had)(?: (?:just|already))? $")
_ASKS_FIRST: Final = re.compile(
    r"^\W*(?:(?:and|so|okay|sure|well|great|alright|of course|sorry|thanks|thank you|but|now|then)[,.]? )*"
    r"(?:shall|should|would|could|can|may|do|does|did|is|are|was|were|have|has|will|what|when|where|which|who|how|why|am|any)\b"
)
_TAG: Final = re.compile(r",? (?:right|okay|ok|correct|all right|alright|is that (?:ok|okay|fine|right)|not|yes|yeah)\s*\?\W*$")
_FIRST_PERSON: Final = re.compile(r"\b(?:i|we|i have|we have|i am|we are)\b[^,.;]{0,40}$")
_PROMISE: Final = re.compile(
    r"\b(?:i|we|he|she|they|someone|somebody|colleagues?|team|manager|technician|mechanic|workshop|shop|courier|driver)"
    r"(?: (?:will|shall|am going to|are going to|is going to|am about to|am|are|is))"
    r"(?: (?:also|now|just|then|be|gladly|happily|personally|immediately|right now|already|soon|shortly|certainly))* (\w+)"
)  # fmt: skip
_GETS: Final = re.compile(
    r"\byou(?: will| are going to| should)? (?:shortly |soon |then |also |now )?(?:receive|get|have|be getting|be receiving|be sent|be contacted|be called|be refunded|be notified)(?: (?:\w+)){0,4} ?(e-?mail|text|confirmation|message|call|refund|invoice|receipt|link|letter|notification|voucher|discount|sms|gift|credit|shortly|soon|back)\b"
)
_I_TOLD: Final = re.compile(r"\b(?:i|we)(?: have| had)?(?: just| already| also)* (?:told|asked|called|spoken|spoke|talked|contacted|checked with|reached out|rung|rang|phoned|messaged|written|wrote)\b")
_LOOKED: Final = re.compile(r"\b(?:i|we)(?: have| had)?(?: just| already| also| now)* (?:checked|looked|found|searched|verified|pulled up|located|see|can see)\b")
_PROGRESSIVE: Final = re.compile(r"(?:ing)$")
_YES: Final = re.compile(
    r"^\W*(?:yes|yep|yeah|correct|exactly|indeed|absolutely|certainly|of course|sure|that is (?:right|correct|true)|right|it (?:has|is|did|does|was)|they (?:have|are|did)|(?:we|i) (?:do|have|did|are))"
    r"(?:[,. ]+(?:it|that|they|we|you|i|he|she|there)(?: (?:has|have|is|are|was|were|did|do|does|will))(?: (?:indeed|already|right|correct|so|true|been|be))*|[,. ]+(?:that is (?:right|correct|true)|of course|indeed|certainly|sir|madam|exactly|absolutely|correct))*\W*$"
)
_NO: Final = re.compile(r"^\W*(?:no|nope)(?:[,. ]+(?:it|that|they|we|you|i|there)(?: (?:has|have|is|are|was|were|did|do|does|will))? ?(?:not)?)?\W*$")


@dataclass(frozen=True, slots=True)
class Claim:
    """`group` of DONE was done (`done`), will be (`will`), was not (`not`); `own`: by the bot, it says."""

    group: str
    how: str
    own: bool
    text: str


def expanded(text: str) -> str:
    """Return a text in lower case without contractions."""
    plain = text.lower().replace("\u2019", "'")
    for pattern, long in _CONTRACTIONS:
        plain = re.sub(pattern, long, plain)
    return re.sub(r"\s+", " ", plain)


def asks(text: str) -> bool:
    """Whether a sentence is a question and nothing else: one that ends in `, right?` states what it asks."""
    plain = expanded(text).strip()
    if not plain.rstrip("\"')").endswith("?") or _TAG.search(plain):
        return False
    last = re.split(r"[.!;]\s|,\s(?=(?:shall|should|would|could|can|may|do|does|did|is|are)\b)", plain)
    return bool(_ASKS_FIRST.match(plain)) or len(last) == 1


def claims(text: str) -> Iterator[Claim]:
    """Yield what a sentence claims."""
    plain = expanded(text)
    questions = asks(text)
    for group, words in _GROUPS.items():
        for match in words.finditer(plain):
            claim = _judged(plain, group, match, questions=questions)
            if claim is not None:
                yield claim
    if not questions:
        yield from _others(plain)


def _judged(plain: str, group: str, match: re.Match[str], *, questions: bool) -> Claim | None:
    before = re.split(r"[.;!?]|, (?:but|and|so) ", plain[: match.start()])[-1]
    if questions or _SUPPOSES.search(before) or _CALLER_DID.search(before):
        return None
    if _WILL.search(before):
        denied = " not " in f"{before} "
        return None if denied else Claim(group, "will", bool(_FIRST_PERSON.search(before)), match.group())
    if _COULD.search(before) and not re.search(r"\b(?:have|has) $", before):
        return None
    if _NOT.search(before):
        return Claim(group, "not", bool(_FIRST_PERSON.search(before)), match.group())
    return Claim(group, "done", bool(_FIRST_PERSON.search(before)), match.group())


def _others(plain: str) -> Iterator[Claim]:
    bare = _BARE_DONE.search(plain)
    if bare and not re.search(r"\bnot\b", plain[: bare.end()]):
        yield Claim("confirm", "done", own=False, text=bare.group().strip())
    if told := _I_TOLD.search(plain):
        yield Claim("tell", "done", own=True, text=told.group())
    if looked := _LOOKED.search(plain):
        yield Claim("look", "done", own=True, text=looked.group())
    for promise in _PROMISE.finditer(plain):
        verb = re.sub(r"(?:ing|s)$", "", promise.group(1))
        for group, bases in BASES.items():
            known = {stem for base in bases.split() for stem in (base, base.rstrip("e"), base + base[-1])}
            if verb in known and not _SUPPOSES.search(plain[: promise.start()]):
                yield Claim(group, "will", own=True, text=promise.group())
    if (gets := _GETS.search(plain)) and not re.search(r"\b(?:not|if|once)\b", plain):
        yield Claim("send", "will", own=True, text=gets.group())


def affirms(text: str) -> bool:
    """Whether a sentence says yes and nothing else: then it states what was asked."""
    return bool(_YES.match(expanded(text).strip()))


def denies(text: str) -> bool:
    """Whether a sentence says no and nothing else."""
    return bool(_NO.match(expanded(text).strip()))


def groups_in(text: str) -> frozenset[str]:
    """Return which groups of completion the words of a result stand for: `in_workshop` is `workshop`."""
    words = text.lower().replace("_", " ")
    found = {group for group, pattern in _GROUPS.items() if pattern.search(words)}
    found |= {"workshop"} if "workshop" in words else set()
    found |= {"pack"} if re.search(r"\bpack(?:ing|ed)\b", words) else set()
    found |= {"ship"} if "transit" in words else set()
    return frozenset(found)


_NAMED: Final = re.compile(
    r"\b(?:my name is|this is|i am|call me|name of|named|called|speak (?:to|with)|ask for|mister|mr\.?|mrs\.?|ms\.?|miss|doctor|dr\.?|colleague,?)\s+([A-Z][\w'-]+)"
)
_CAPITAL: Final = re.compile(r"(?<![\w'])([A-Z][a-z'\u2019-]{1,}(?:[A-Z][a-z]+)?)")
_NOT_NAMES: Final = frozenset(
    (
        "i i'm i'll i've i'd am pm ok okay english mr mrs ms dr us usa january february march april may june july august september "
        "october november december monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays "
        "thursdays fridays saturdays sundays easter christmas thanksgiving new year's eve"
    ).split()
) - {"easter", "christmas", "thanksgiving", "new", "year's", "eve"}
_VERBS: Final = frozenset("will is has can was said from would and could at works here speaking takes calls".split())
_STARTERS: Final = frozenset(
    (
        "a about actually after again all alright also although an and another any anyone anything are as at because before besides both but by can certainly come "
        "could delivery did do does each either every everything everyone exactly express few finally first for fortunately free from good got great had has have he hello here hi his how however i if "
        "in indeed instead is it its just last later let like many maybe me more most my nearly neither next no nobody none nothing nope not now of okay on once one only "
        "or order orders our over parking perfect please quite rather regarding right sadly saturday she shipping should since so some somebody someone something somewhat soon sorry standard still such sure "
        "thank thanks that the their them then there these they this those though to today together tomorrow tonight too under unfortunately until up us usually very was we well were what whatever "
        "when where whether which while who why will with without would yes yesterday yet you your absolutely of course both given having being opening closing normally orders returns rentals repairs bicycles "
        "bikes appointments customers nothing everything somebody otherwise apart except depending within during between unless only even nine ten eleven twelve two three four five six seven eight twenty "
        "thirty forty fifty hundred half noon midnight workshop test payment refunds prices hours pardon apologies welcome goodbye bye understood alas hopefully happily gladly let's it's that's i'm we're you're "
        "there's what's here's whenever wherever anytime weekends weekdays card cash children helmets tune tune-ups fittings staff people colleagues someone's done consider congratulations glad happy mm hmm ah oh "
        "say tell ask give take have bring keep check wait hold try leave pick send write call visit press see feel enjoy note mind remember going looking speaking thinking shall should may might must do does did is are was were am has have had could would can will"
    ).split()
)  # fmt: skip


def names(text: str, known: Collection[str]) -> list[str]:
    """Return the names in a sentence that nobody knows: capitalised words that neither English nor the evidence has."""
    found = []
    for match in _CAPITAL.finditer(text):
        word = match.group(1).replace("\u2019", "'")
        low = word.lower().removesuffix("'s")
        if low in known or word.lower() in _NOT_NAMES or low in _NOT_NAMES:
            continue
        first = not text[: match.start()].strip(" \"'(\u201c") or text[: match.start()].rstrip()[-1:] in {":", "!", "?"}
        if first and not _is_name(text, match, low):
            continue
        found.append(word)
    found += [
        word
        for word in re.findall(r"\b(?:my name is|call me|named|mister|ask for|speak to|i'm called) ([a-z]+)\b", text)
        if word not in known and word not in _STARTERS
    ]
    return found


def _is_name(text: str, match: re.Match[str], low: str) -> bool:
    """Whether a word that begins a sentence is a name."""
    if low in _STARTERS:
        return False
    following = re.match(r"[\w'-]*\s+([\w'-]+)", text[match.start() :])
    word = following.group(1) if following else ""
    return word.lower() in _VERBS or (word[:1].isupper() and word not in {"I", "I'm", "I'll"})
