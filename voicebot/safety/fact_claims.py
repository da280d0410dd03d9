"""Claims that something was done, is in some state or will be done, and names: what a sentence asserts beyond figures.

A word of completion counts as a claim wherever it stands, unless its sentence asks, denies, supposes or says what could
could be. That is strict on purpose: a sentence that is dropped costs a question, an action never taken costs a caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

DONE: Final[dict[str, str]] = {
    "book": "booked|reserved|scheduled|arranged|put you down|put you in|penciled|slotted|set up|blocked out|secured",
    "cancel": (
        "cancelled|canceled|called off|voided|stopped your order|withdrawn|taken out of the (?:book|calendar|diary)"
    ),
    "move": (
        "moved|rescheduled|shifted|postponed|brought forward|pushed back|changed your (?:appointment|booking)|"
        "switched"
    ),
    "ship": (
        "shipped|dispatched|on (?:its|the|their) way|in transit|out for delivery|left (?:us|our|the)|"
        "with the courier|handed (?:over|to the courier)|posted|sent out|gone out"
    ),
    "deliver": "delivered|arrived|dropped off",
    "pack": "packed",
    "workshop": "(?:is|are|was|still|it) (?:\\w+ )?in (?:the|our) workshop|on the stand",
    "ready": "ready(?! to help| to take)|waiting for you|can be (?:picked up|collected)",
    "repair": "repaired|fixed|serviced|mended|tuned up",
    "send": (
        "sent|emailed|e-mailed|texted|mailed|forwarded|passed (?:it|that|this|your|the) (?:\\w+ )?(?:on|along)|"
        "couriered"
    ),
    "refund": (
        "refunded|reimbursed|credited|money back|given you (?:a|the) (?:refund|credit|discount|voucher)|compensated"
    ),
    "order": "ordered|placed (?:the|an|your|that)|put through|requested",
    "pay": "paid|charged|billed|debited|deducted|settled|went through|gone through",
    "update": (
        "updated|changed|corrected|edited|amended|saved|recorded|noted|made a note|added|removed|deleted|"
        "registered|signed (?:you )?up|subscribed|submitted|filed|entered|logged|opened a|created|put (?:it|that|"
        "this|you) (?:on|in|into) (?:the|our)|applied|flagged|extended|activated|waived|upgraded|issued|generated|"
        "unlocked|reset|escalated|assigned|attached|set aside"
    ),
    "tell": "notified|informed|alerted|let (?:them|him|her|the \\w+|my colleagues?|our \\w+) know",
    "confirm": (
        "confirmed|all set|all done|sorted|taken care of|dealt with|completed|finalised|finalized|finished|"
        "processed|resolved|approved|good to go|locked in|successful(?:ly)?|in the (?:book|books|calendar|diary)|"
        "looked after|handled|accepted|fulfilled|wrapped up|accomplished|gone ahead"
    ),
    "stock": "in stock|out of stock|sold out|back in stock|on back ?order|ran out|run out",
    "lost": "lost|delayed|running late|late|held up|damaged|stuck|returned|missing|on hold",
}  # fmt: skip
"""Words of completion, by what was done. A result says so by the same group."""

SUCCESS: Final = frozenset(
    {"ok", "okay", "done", "success", "successful", "succeeded", "completed", "confirmed", "true", "accepted"}
)
STATES: Final = frozenset({"ship", "deliver", "pack", "workshop", "ready", "repair", "stock", "lost"})
"""What a system only reports; the others are done by somebody."""
BASES: Final[dict[str, str]] = {
    "book": "book reserve schedule arrange", "cancel": "cancel void", "move": "move reschedule shift postpone change",
    "ship": "ship dispatch deliver", "send": "send email text mail forward message",
    "refund": "refund reimburse credit",
    "order": "order purchase buy", "pay": "pay charge bill", "update": (
        "update change correct edit save note add remove delete register replace upgrade waive extend hold keep "
        "apply record"
    ), "tell": "notify inform alert tell call phone ring contact",
    "repair": "repair fix service",
}  # fmt: skip

_GROUPS: Final = {group: re.compile(rf"\b(?:{words})\b") for group, words in DONE.items()}
_BARE_DONE: Final = re.compile(
    r"(?:\b(?:is|are|it's|that's|all|been|consider (?:it|that)) (?:now |already |as good as )?done\b)|"
    r"^\W*(?:okay[,.]? |alright[,.]? |great[,.]? |and |perfect[,.]? )?done\b"
)
_CONTRACTIONS: Final = (
    (r"\bi'm\b", "i am"), (r"\b(i|you|we|they)'ve\b", r"\1 have"), (r"\b(you|we|they)'re\b", r"\1 are"),
    (
        r"\b(i|you|we|they|he|she|it|that|there)'ll\b"
    , r"\1 will"), (r"\bwon't\b", "will not"), (r"\bcan't\b", "can not"), (r"\bcannot\b", "can not"),
    (r"\b(\w+)n't\b", r"\1 not"), (
        r"\b(it|that|there|he|she|everything|what|which|order|appointment|booking|package|bike|bicycle)'s\b"
    , r"\1 is"), (r"\b(i|you|we|they)'d\b", r"\1 would"),
)  # fmt: skip
_SUPPOSES: Final = re.compile(
    r"\b(?:if|unless|whether|until|once|as soon as|in case|whenever|should you|after it is|before it is|"
    r"when it is)\b[^,.;]*$"
)
_COULD: Final = re.compile(
    r"\b(?:can|could|may|might|would|must|should|to|cannot|have to|need to|needs to|want|like|wish)(?: (?:not|be|"
    r"have|get|your|the|it|that|also|only|still|\w+ly|order|orders|appointments?|bookings?)){0,4} ?$"
)
_WILL: Final = re.compile(
    r"\b(?:will|shall|going to|gonna)(?: (?:not|be|have|get|been|then|also|soon|already|\w+ly))* ?$"
)
_NOT: Final = re.compile(r"\b(?:not|never|nothing|no longer|without being|yet to be|no)(?: (?:\w+)){0,3} ?$")
_CALLER_DID: Final = re.compile(r"\b(?:you|you have|you had)(?: (?:just|already))? $")
_ASKS_FIRST: Final = re.compile(
    r"^\W*(?:(?:and|so|okay|sure|well|great|alright|of course|sorry|thanks|thank you|but|now|then)[,.]? )*"
    r"(?:shall|should|would|could|can|may|do|does|did|is|are|was|were|have|has|will|what|when|where|which|who|"
    r"how|why|am|any)\b"
)
_TAG: Final = re.compile(
    r",? (?:right|okay|ok|correct|all right|alright|is that (?:ok|okay|fine|right)|not|yes|yeah)\s*\?\W*$"
)
_FIRST_PERSON: Final = re.compile(r"\b(?:i|we|i have|we have|i am|we are)\b[^,.;]{0,40}$")
_PROMISE: Final = re.compile(
    r"\b(?:i|we|he|she|they|someone|somebody|colleagues?|team|manager|technician|mechanic|workshop|shop|courier|driver)"
    r"(?: (?:will|shall|am going to|are going to|is going to|am about to|am|are|is))"
        r"(?: (?:also|now|just|then|be|gladly|happily|personally|immediately|right now|already|soon|shortly|"
        r"certainly))* (\w+)"
)  # fmt: skip
_GETS: Final = re.compile(
    r"\byou(?: will| are going to| should)? (?:shortly |soon |then |also |now )?(?:receive|get|have|be getting|"
    r"be receiving|be sent|be contacted|be called|be refunded|be notified)(?: (?:\w+)){0,4} ?(e-?mail|text|"
    r"confirmation|message|call|refund|invoice|receipt|link|letter|notification|voucher|discount|sms|gift|"
    r"credit|shortly|soon|back)\b"
)
_I_TOLD: Final = re.compile(
    r"\b(?:i|we)(?: have| had)?(?: just| already| also)* (?:told|asked|called|spoken|spoke|talked|contacted|"
    r"checked with|reached out|rung|rang|phoned|messaged|written|wrote)\b"
)
_LOOKED: Final = re.compile(
    r"\b(?:i|we)(?: have| had)?(?: just| already| also| now)* (?:checked|looked|found|searched|verified|pulled up|"
    r"located|(?:can )?see (?=that|your|the|it|an?\b))"
)
_MANAGED: Final = re.compile(
    r"\b(?:liberty of|finished|done with|went ahead with|succeeded in|(?:managed|was able|were able|been able) to) "
    r"(\w+)"
)
_YES: Final = re.compile(
    r"^\W*(?:yes|yep|yeah|correct|exactly|indeed|absolutely|certainly|of course|sure|that is (?:right|correct|"
    r"true)|right|it (?:has|is|did|does|was)|they (?:have|are|did)|(?:we|i) (?:do|have|did|are))"
    r"(?:[,. ]+(?:it|that|they|we|you|i|he|she|there)(?: (?:has|have|is|are|was|were|did|do|does|"
    r"will))(?: (?:indeed|already|right|correct|so|true|been|be))*|[,. ]+(?:that is (?:right|correct|true)|"
    r"of course|indeed|certainly|sir|madam|exactly|absolutely|correct))*\W*$"
)
_NO: Final = re.compile(
    r"^\W*(?:no|nope)(?:[,. ]+(?:it|that|they|we|you|i|there)(?: (?:has|have|is|are|was|were|did|do|does|"
    r"will))? ?(?:not)?)?\W*$"
)


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
    yield from _by_verb(plain)
    if (gets := _GETS.search(plain)) and not re.search(r"\b(?:not|if|once)\b", plain):
        yield Claim("send", "will", own=True, text=gets.group())


def _by_verb(plain: str) -> Iterator[Claim]:
    """Yield what the bot says to have managed, or to be about to do."""
    for match in _MANAGED.finditer(plain):
        for group, bases in BASES.items():
            if match.group(1) in {form for base in bases.split() for form in _forms_of(base)}:
                yield Claim(group, "done", own=True, text=match.group())
    for promise in _PROMISE.finditer(plain):
        for group, bases in BASES.items():
            known = {form for base in bases.split() for form in _forms_of(base)}
            if promise.group(1) in known and not _SUPPOSES.search(plain[: promise.start()]):
                yield Claim(group, "will", own=True, text=promise.group())


def _forms_of(base: str) -> tuple[str, ...]:
    return base, f"{base}s", f"{base}ing", f"{base.removesuffix('e')}ing", f"{base}{base[-1]}ing"


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


def can_be_affirmed(text: str) -> bool:
    """Whether a text is a question that yes or no answers."""
    return bool(
        re.match(
            r"(?:\w+[, ]+){0,3}?(?:is|are|was|were|has|have|had|did|do|does|will|can|so|isn't|hasn't|aren't|"
            r"didn't|it's|you're|i'm)\b",
            text.lower(),
        )
    )


def stated(asked: str) -> str:
    """Turn what was asked into what a yes to it states, as far as the words of completion go."""
    low = asked.lower()
    for bases in BASES.values():
        for base in bases.split():
            low = re.sub(rf"\bdid (you|they|it|he|she|we) (?:already )?{base}\b", rf"\1 have {_participle(base)}", low)
    low = re.sub(r"^(?:so |and |okay |well )*(?:have|did) you ", "i have ", low)
    return re.sub(r"\byou have\b", "i have", low)


def _participle(base: str) -> str:
    irregular = {
        "send": "sent",
        "pay": "paid",
        "tell": "told",
        "ship": "shipped",
        "cancel": "cancelled",
        "buy": "bought",
    }
    return irregular.get(base) or (f"{base}d" if base.endswith("e") else f"{base}ed")
