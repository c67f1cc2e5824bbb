"""Reading the gun's log: pages in order, committed, and only then released.

Runs beside everything else whenever the gun has told of records that are not committed here. Pages are asked for
ahead, committed in order, and the release of what is durable follows; a lost page or release is simply asked for again.
"""

from collections.abc import Callable
from typing import Final

from drivers.link_events import Answered
from drivers.outcome import Done, Refused, Unknown
from meso_device.accounting.book import Admission, Damaged
from meso_device.accounting.entries import Committed, Entry
from meso_device.accounting.findings import Finding, FindingCode
from meso_device.session.desk import Desk
from meso_device.session.flow import refusal_text
from protocols.wire.codes import Code, GunFlag
from protocols.wire.hashes import SLOT_SIZE
from protocols.wire.messages import LogRead, LogReadReply, LogRelease, LogReleaseReply, Request

# A page is what one frame holds; three pages in flight hide the round trip and leave one read for others.
PAGE_RECORDS: Final = 3
PAGE_RECORDS_TAGGED: Final = 2  # the tag takes the room of the third
READS_IN_FLIGHT: Final = 3
# Committed batches on their way to the store; more would only lengthen the queue before a STOP is recorded.
COMMITS_IN_FLIGHT: Final = 8
# Reading is harmless, so a page may be asked for often on a bad line; small pages get through better.
SILENT_TRIES: Final = 5
# A page that stays unreadable this often is damaged in the gun, not on the line.
DAMAGED_TRIES: Final = 3

AskGun = Callable[[Request, Callable[[Answered], None]], None]
CommitEntries = Callable[[tuple[Entry, ...], Callable[[Committed], None]], None]


class Drain:
    """Copies the ring into the log, exactly once and in order, for one connection.

    Args:
        desk: Shared state; the book must be set.
        ask: Sends a request and calls back with its end.
        commit: Commits entries and calls back when they are durable.
        trouble: Called with a reason when the connection must be made anew.
    """

    def __init__(self, desk: Desk, ask: AskGun, commit: CommitEntries, trouble: Callable[[str], None]) -> None:
        self._desk = desk
        self._ask = ask
        self._commit = commit
        self._trouble = trouble
        self._next_read_seq = desk.gun().admitted_seq + 1
        tagged = desk.gun().hello.flags & GunFlag.AUTHENTICATED
        self._page_records_max = PAGE_RECORDS_TAGGED if tagged else PAGE_RECORDS
        self._page_records = self._page_records_max
        self._pages: dict[int, bytes] = {}
        self._round = 0
        self._reads = 0
        self._silent_tries = 0
        self._commits = 0
        self._releasing = False
        self._damaged_tries = 0

    def pump(self) -> None:
        """Ask for what is missing and release what is durable; called after every step."""
        book = self._desk.gun()
        if self._desk.log_halted or self._desk.write_failed:
            return
        while (
            self._reads < READS_IN_FLIGHT and self._commits < COMMITS_IN_FLIGHT and self._next_read_seq <= book.head_seq
        ):
            count = min(self._page_records, book.head_seq - self._next_read_seq + 1)
            from_seq = self._next_read_seq
            self._next_read_seq += count
            self._read(from_seq, count)
        # Only the owner may release; before TAKEOVER the log is only read.
        if self._desk.owner_token and not self._releasing and book.committed_seq > book.released_seq:
            self._releasing = True
            self._ask(LogRelease(book.hello.log_epoch, book.committed_seq, book.committed_hash8), self._released)

    def _read(self, from_seq: int, count: int) -> None:
        self._reads += 1
        asked_in = self._round

        def page(answered: Answered) -> None:
            self._reads -= 1
            if asked_in == self._round:
                self._page(from_seq, count, answered)

        self._ask(LogRead(self._desk.gun().hello.log_epoch, from_seq, count), page)

    def _page(self, from_seq: int, count: int, answered: Answered) -> None:
        match answered.outcome:
            case Done(body=LogReadReply() as body) if body.count > 0 and body.from_seq == from_seq:
                self._silent_tries = 0
                self._page_records = self._page_records_max if answered.tries == 1 else 1
                self._pages[from_seq] = body.slots[: body.count * SLOT_SIZE]
                if body.count < count:
                    self._read(from_seq + body.count, count - body.count)
                self._admit_pages()
            case Done():
                self._trouble(f"the gun gave no record {from_seq}, which it had told of")
            case Refused():
                self._trouble(f"reading record {from_seq}: {refusal_text(answered.outcome)}")
            case Unknown():
                self._silent_tries += 1
                if self._silent_tries > SILENT_TRIES:
                    self._trouble(answered.outcome.reason)
                else:
                    self._start_again()

    def _start_again(self) -> None:
        """Read again from the first record that is missing; what is still on its way is not taken any more."""
        self._round += 1
        self._page_records = 1
        self._pages.clear()
        self._next_read_seq = self._desk.gun().admitted_seq + 1

    def _admit_pages(self) -> None:
        book = self._desk.gun()
        while (page := self._pages.pop(book.admitted_seq + 1, None)) is not None:
            entries: list[Entry] = []
            admitted: list[Admission] = []
            for offset in range(0, len(page), SLOT_SIZE):
                admission = book.admit(page[offset : offset + SLOT_SIZE], now_utc_us=self._desk.now.utc_us)
                if isinstance(admission, Damaged):
                    self._damaged(admission)
                    break
                entries.append(admission.entry)
                admitted.append(admission)
                if admission.finding is not None and (found := self._desk.find(admission.finding)) is not None:
                    entries.append(found)
            if admitted:
                self._commit_page(tuple(entries), admitted)
            if self._desk.log_halted:
                return

    def _commit_page(self, entries: tuple[Entry, ...], admitted: list[Admission]) -> None:
        self._commits += 1
        book = self._desk.gun()

        def durable(committed: Committed) -> None:
            self._commits -= 1
            session = self._desk.session
            for admission in admitted:
                # Durable is durable, whatever became of the link: the session counts it, a newer book by itself.
                if self._desk.book is book:
                    book.committed(admission.record.slot.shot_seq, admission.record.hash8)
                if (
                    session is not None
                    and admission.context.session == session.session
                    and admission.record.for_patient
                ):
                    session.count(admission.record)
            if committed.conflicts:
                text = f"the log holds other bytes for {committed.conflicts[0]}: two different records claim to be one"
                # The store has recorded it together with both byte strings.
                self._desk.find(Finding(FindingCode.CONFLICT, text))

        self._commit(entries, durable)

    def _damaged(self, damaged: Damaged) -> None:
        """Read again from there: the line may lie, but a slot that stays damaged is a finding."""
        self._damaged_tries += 1
        if self._damaged_tries < DAMAGED_TRIES:
            self._start_again()
            return
        self._halt(damaged.finding)

    def _halt(self, finding: Finding) -> None:
        """Read and release nothing further at this connection, and say why."""
        self._desk.log_halted = True
        if (entry := self._desk.find(finding)) is not None:
            self._commit((entry,), lambda _: None)

    def _released(self, answered: Answered) -> None:
        self._releasing = False
        match answered.outcome:
            case Done(body=LogReleaseReply() as body):
                book = self._desk.gun()
                book.released_seq = max(book.released_seq, body.released_seq)
            case Refused(code=Code.E_CHAIN):
                # The same would be refused at every new connection.
                seq = self._desk.gun().committed_seq
                text = f"record {seq} as recorded here is not what the gun holds: have its memory checked"
                self._halt(Finding(FindingCode.CONFLICT, text))
            case Refused():
                self._trouble(f"release: {refusal_text(answered.outcome)}")
            case _:
                pass  # releasing again is harmless, and the next pump does
