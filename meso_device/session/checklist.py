"""What the clinician is asked before a session, and what each answer does. One literal table, and nothing else decides.

Sources: *article* is the description of the treatment that this product follows, *sheet* a hyaluronic acid product
sheet, *guide* alexandradalu.com, *outbreak* the reports on infected patients (ECCMID-20 abstract 83464).
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from meso_device.accounting.entries import Entry, Json
from protocols.errors import UsageError
from protocols.treatment.areas import catalogue

# Stands in the table for a list of area ids; in records the list is written with commas between.
AREA_IDS: Final = "<area ids>"
LISTED: Final = "listed"
INGREDIENTS_MAX: Final = 50
INGREDIENT_CHARS_MAX: Final = 80


class Effect(StrEnum):
    """What an answer does."""

    PASSES = "passes"
    BLOCKS = "blocks"
    SOFT = "blocks until a clinician signs a reason"
    NOTE = "blocks until the clinician's note is there and a reason is signed"
    AREAS = "blocks these areas"
    INGREDIENTS = "blocks lots with these ingredients"


class Item(Struct, frozen=True):
    """One question of the checklist.

    Attributes:
        question: What the clinician is asked.
        answers: Allowed answers, and what each does.
        hazard: What goes wrong when it is not asked.
        source: Who says that it must be.
    """

    question: str
    answers: Mapping[str, Effect]
    hazard: str
    source: str


_YES: Final = MappingProxyType({"yes": Effect.PASSES, "no": Effect.BLOCKS})
_DISCUSS: Final = MappingProxyType({"no": Effect.PASSES, "yes": Effect.SOFT})

ITEMS: Final[Mapping[str, Item]] = MappingProxyType(
    {
        "identity": Item(
            "Is this the patient of the session, asked by name and date of birth?", _YES, "HZ-16", "article"
        ),
        "infection_in_area": Item(
            "Is there an infection in an area to be treated? Which areas?",
            MappingProxyType({"none": Effect.PASSES, AREA_IDS: Effect.AREAS}),
            "HZ-57",
            "article",
        ),
        "anticoagulants": Item(
            "Does the patient take anticoagulants or thrombolytics?",
            MappingProxyType({"none": Effect.PASSES, "yes": Effect.NOTE}),
            "HZ-57",
            "article, sheet",
        ),
        "allergy": Item(
            "Is there a known allergy? To which ingredients?",
            MappingProxyType({"none": Effect.PASSES, LISTED: Effect.INGREDIENTS}),
            "HZ-57",
            "article",
        ),
        "pregnancy": Item("Is the patient pregnant?", _DISCUSS, "HZ-57", "guide"),
        "bleeding_disorder": Item("Is there a bleeding disorder?", _DISCUSS, "HZ-57", "sheet"),
        "herpes_history": Item("Has the patient had herpes at the site?", _DISCUSS, "HZ-57", "sheet"),
        "implants_near_site": Item("Is there a permanent implant near the site?", _DISCUSS, "HZ-57", "sheet"),
        "explained": Item("Were ingredients and application explained?", _YES, "HZ-57", "article"),
        "consent": Item("Did the patient consent?", _YES, "HZ-57", "article"),
        "needle_new": Item("Is the needle new, taken from its package for this patient?", _YES, "HZ-34", "outbreak"),
    }
)


class Answer(Struct, frozen=True, kw_only=True):
    """One answer of this session.

    Attributes:
        item: Item of the table.
        answer: One of its answers; area ids with commas between where it asks for areas.
        ingredients: For ``allergy`` answered ``listed``: names, else empty.
        note_hash: Commitment to the clinician's note in hex; empty without one. The note itself never enters the log.
    """

    item: str
    answer: str
    ingredients: tuple[str, ...] = ()
    note_hash: str = ""


def effect_of(item: str, answer: str) -> Effect | None:
    """Return what an answer does; None when it is not an answer to this question."""
    answers = ITEMS[item].answers
    if answer in answers and answer != AREA_IDS:
        return answers[answer]
    if AREA_IDS in answers and areas_in(answer):
        return answers[AREA_IDS]
    return None


def areas_in(answer: str) -> tuple[str, ...]:
    """Return the areas that an answer lists; empty when one of them is not in the catalogue."""
    areas = tuple(answer.split(","))
    return areas if all(area in catalogue() for area in areas) else ()


def missing(checks: Mapping[str, str]) -> tuple[str, ...]:
    """Return the items that have no answer, or none that the table knows, in the order of the table (I-64)."""
    return tuple(item for item in ITEMS if item not in checks or effect_of(item, checks[item]) is None)


def read_answers(given: Mapping[str, object], note_hashes: Mapping[str, str]) -> tuple[Answer, ...]:
    """Return the answers of a file or form, in the order of the table; items may be missing, none may be wrong.

    Args:
        given: By item: a word of the table, a list of area ids for ``infection_in_area``, or a list of ingredients for
            ``allergy``.
        note_hashes: By item: commitment to a note.

    Raises:
        UsageError: an item or an answer that the table does not know.
    """
    for name in (*given, *note_hashes):
        if name not in ITEMS:
            raise UsageError(f"checklist item {name[:40]!r} refused: items are {', '.join(ITEMS)}")
    for name in note_hashes:
        if name not in given:
            raise UsageError(f"checklist item {name}: a note without an answer")
    return tuple(_read(item, given[item], note_hashes.get(item, "")) for item in ITEMS if item in given)


def checklist_entries(
    answers: Sequence[Answer],
    *,
    session: str,
    alias: str,
    op: str,
    role: str,
    utc_us: int,
    protocol_digest: str = "",
) -> tuple[Entry, ...]:
    """Return the ``checklist`` entries of answers; of several to one item the newest counts.

    Raises:
        UsageError: an answer that the table does not know.
    """
    entries = []
    for answer in answers:
        if answer.item not in ITEMS or effect_of(answer.item, answer.answer) is None:
            raise _not_an_answer(answer.item, answer.answer)
        payload: dict[str, Json] = {"item": answer.item, "answer": answer.answer, "note_hash": answer.note_hash}
        if answer.item == "allergy":
            payload["ingredients"] = list(answer.ingredients)
        entries.append(
            Entry(
                kind="checklist",
                key=f"checklist/{session}/{answer.item}/{utc_us}",
                payload=payload,
                op=op,
                role=role,
                session=session,
                alias=alias,
                protocol_digest=protocol_digest,
            )
        )
    return tuple(entries)


def _read(item: str, value: object, note_hash: str) -> Answer:
    if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
        if item == "allergy":
            return Answer(item=item, answer=LISTED, ingredients=_ingredients(value), note_hash=note_hash)
        # An id with a comma in it is not in the catalogue, so that joining is safe.
        if AREA_IDS in ITEMS[item].answers and all(areas_in(part) == (part,) for part in value):
            return Answer(item=item, answer=",".join(sorted(set(value))), note_hash=note_hash)
    elif isinstance(value, str) and effect_of(item, value) not in (None, Effect.INGREDIENTS):
        return Answer(item=item, answer=value, note_hash=note_hash)
    raise _not_an_answer(item, value)


def _ingredients(value: list[str]) -> tuple[str, ...]:
    names = tuple(name.strip() for name in value)
    if len(names) > INGREDIENTS_MAX or not all(name and len(name) <= INGREDIENT_CHARS_MAX for name in names):
        raise UsageError(
            f"checklist item allergy: at most {INGREDIENTS_MAX} ingredients of 1 to {INGREDIENT_CHARS_MAX} letters"
        )
    return names


def _not_an_answer(item: str, value: object) -> UsageError:
    if item not in ITEMS:
        return UsageError(f"checklist item {item[:40]!r} refused: items are {', '.join(ITEMS)}")
    allowed = ["a list of ingredients" if answer == LISTED else answer for answer in ITEMS[item].answers]
    return UsageError(f"checklist item {item}: answer {str(value)[:60]!r} refused: allowed are {', '.join(allowed)}")
