"""Who a patient is, in one form; and what the log may know of that: a commitment that only the vault can open."""

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final, Self

import rfc8785
from msgspec import Struct

from meso_device.people.names import check_name
from protocols.errors import UsageError

SALT_BYTES: Final = 32
CHART_LETTERS_MAX: Final = 40
_OLDEST: Final = date(1900, 1, 1)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_SUBJECT: Final = b"\x02"
_TEXT: Final = b"\x03"


class Sex(StrEnum):
    """What skin thickness tables ask for; a code, not a name for anybody."""

    FEMALE = "female"
    MALE = "male"
    UNSPECIFIED = "unspecified"


class ShownFor(StrEnum):
    """Why names were shown."""

    CARE = "care"
    LOOKBACK = "lookback"
    SUBJECT_REQUEST = "subject_request"
    AUTHORITY = "authority"
    ERASURE = "erasure"


class LegalBasis(StrEnum):
    """Why somebody is erased."""

    CONSENT_WITHDRAWN = "consent_withdrawn"
    SUBJECT_REQUEST = "subject_request"
    RETENTION_ENDED = "retention_ended"
    ENROLLED_BY_MISTAKE = "enrolled_by_mistake"


class PatientRef(Struct, frozen=True, kw_only=True):
    """Who somebody is; leaves the vault only towards people who may see it.

    Attributes:
        name: In NFC, with single spaces.
        born: ISO date.
        chart: The clinic's chart number.
    """

    name: str
    born: str
    chart: str

    @classmethod
    def checked(cls, *, name: str, born: str, chart: str, now_utc_us: int) -> Self:
        """Return the reference in its one form.

        Raises:
            UsageError: a field is empty, endless, no date, or a day that is not over; never repeats what was typed.
        """
        return cls(name=checked_name(name), born=checked_birth_date(born, now_utc_us), chart=checked_chart(chart))

    @property
    def chart_key(self) -> str:
        """The chart number as it is compared: without spaces and letter case."""
        return chart_key(self.chart)


def subject_commitment(ref: PatientRef, salt: bytes) -> str:
    """Return what the log may hold of a patient, 64 hex digits; without the salt nothing can be tried against it."""
    body = rfc8785.dumps({"born": ref.born, "chart": ref.chart, "name": ref.name})
    return sha256(_SUBJECT + salt + body).hexdigest()


def text_commitment(text: str, salt: bytes) -> str:
    """Return what the log may hold of a free text, 64 hex digits."""
    return sha256(_TEXT + salt + text.encode()).hexdigest()


def chart_key(chart: str) -> str:
    """Return a chart number as it is compared."""
    return "".join(unicodedata.normalize("NFKC", chart).casefold().split())


def name_words(name: str) -> frozenset[str]:
    """Return the words of a name as they are compared: without case, accents, punctuation and order."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    letters = (letter if letter.isalnum() else " " for letter in plain if not unicodedata.combining(letter))
    return frozenset("".join(letters).split())


def checked_name(name: str) -> str:
    """Return a patient's name in its one form; UsageError, which never repeats it, where it cannot be one."""
    return check_name(unicodedata.normalize("NFC", name))


def checked_chart(chart: str) -> str:
    """Return a chart number in its one form; UsageError, which never repeats it, where it cannot be one."""
    chart = " ".join(unicodedata.normalize("NFC", chart).split())
    if not chart or len(chart) > CHART_LETTERS_MAX or not chart.isprintable():
        raise UsageError(f"this chart number is refused: 1 to {CHART_LETTERS_MAX} printable characters")
    return chart


def checked_birth_date(born: str, now_utc_us: int) -> str:
    """Return a birth date in its one form; UsageError, which never repeats it, for none, and for a day not over."""
    text = born.strip()
    latest = datetime.fromtimestamp(now_utc_us // 1_000_000, UTC).date() + timedelta(days=1)
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise UsageError("this birth date is refused: write it as YYYY-MM-DD")
    if not _OLDEST <= day <= latest:
        raise UsageError(f"this birth date is refused: between {_OLDEST} and today")
    return text
