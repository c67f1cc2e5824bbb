"""The line mode's commands about a patient and about people: the forms of the screen, asked in lines."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from meso_device.console import forms
from meso_device.console.client import Body, Client
from meso_device.console.plain import spoken
from meso_device.console.plain.questions import Questions
from meso_device.console.presenters.patient import items
from meso_device.console.state import Known, why_not
from meso_device.console.text import say
from meso_device.screen_messages import ToHost


class PlainClinic:
    """Takes the commands about a patient.

    Args:
        client: Connected to the host.
        questions: Asks for what is needed.
        tell: Speaks one line.

    Attributes:
        commands: What each word does.
    """

    def __init__(self, client: Client, questions: Questions, tell: Callable[[str], None]) -> None:
        self._client = client
        self._questions = questions
        self._tell = tell
        self.commands: Final[Mapping[str, Callable[[], None]]] = {
            "patient": self._patient,
            "new patient": self._new_patient,
            "name": self._name,
            "checklist": self._checklist,
            "answer": self._answer,
            "lot": lambda: self._of_patient("material", lambda clinic: self._fill(forms.list_lot(clinic))),
            "waste": lambda: self._of_patient("material", lambda _: self._fill(forms.waste())),
            "note": lambda: self._if("note", lambda: self._fill(forms.note())),
            "sign": lambda: self._if("sign", lambda: self._fill(forms.signature(self._snapshot["to_sign"]))),
            "enrol": lambda: self._if("enrol", lambda: self._fill(forms.enrol())),
            "sign in": lambda: self._if("sign_in", lambda: self._fill(forms.sign_in())),
            "write off": self._write_off,
        }

    @property
    def _snapshot(self) -> Body:
        return self._client.snapshot or {}

    @property
    def _welcome(self) -> Body:
        return self._client.welcome or {}

    def _if(self, command: str, then: Callable[[], None]) -> None:
        """Go on where the host would take the command now; else say why not."""
        why = why_not(self._snapshot, command)
        if why:
            self._tell(why)
        else:
            then()

    def _of_patient(self, command: str, then: Callable[[Mapping[str, Any]], None]) -> None:
        clinic = self._snapshot.get("clinic")
        if clinic is None:
            self._tell(say("plain.no_patient"))
        else:
            self._if(command, lambda: then(clinic))

    def _fill(self, asked: forms.Asked, done: Callable[[Body], None] | None = None) -> None:
        self._questions.fill(asked, done)

    # --- who and what -------------------------------------------------------------------------------

    def _patient(self) -> None:
        self._if("patient", lambda: self._fill(forms.find_patient(), self._found))

    def _found(self, answer: Body) -> None:
        aliases = [one["alias"] for one in answer["patients"]]
        if not aliases:
            self._tell(say("patient.none_found"))
            return
        texts = [spoken.alias(alias) for alias in aliases]
        self._questions.choose(say("patient.who"), texts, lambda no: self._treatment(aliases[no]))

    def _new_patient(self) -> None:
        self._if("patient", lambda: self._fill(forms.add_patient(), lambda answer: self._treatment(answer["alias"])))

    def _treatment(self, alias: str) -> None:
        treatments = self._welcome["treatments"]

        def chosen(no: int) -> None:
            name = treatments[no]["name"]
            self._client.ask(ToHost.PREPARE, self._questions.answered, alias=alias, treatment=name)

        title = say("patient.what", who=spoken.alias(alias))
        self._questions.choose(title, spoken.treatment_lines(self._welcome), chosen)

    def _name(self) -> None:
        """Speak the name of the patient who is prepared: it stays in the terminal's text, so it is asked for twice."""

        def typed(word: str) -> None:
            clinic = self._snapshot.get("clinic")
            if word.strip().lower() == "show" and clinic is not None:
                self._client.ask(ToHost.PATIENT_SHOW, self._named, aliases=[clinic["alias"]])
            else:
                self._tell(say("plain.dropped"))

        def ask(_clinic: Mapping[str, Any]) -> None:
            self._tell(say("plain.name_stays"))
            self._questions.want(say("plain.name_type"), typed)

        self._of_patient("patient", ask)

    def _named(self, answer: Body) -> None:
        if answer["outcome"] != "done":
            self._questions.answered(answer)
            return
        for one in answer["patients"]:
            self._tell(
                say("plain.named", who=spoken.alias(one["alias"]), **{k: one[k] for k in ("name", "born", "chart")})
            )

    # --- the checklist ------------------------------------------------------------------------------

    def _known(self) -> Known:
        known = Known()
        known.welcome, known.snapshot = self._welcome, self._snapshot
        return known

    def _checklist(self) -> None:
        if self._snapshot.get("clinic") is None:
            self._tell(say("plain.no_patient"))
            return
        for no, line in enumerate(spoken.checklist_lines(self._known()), 1):
            self._tell(say("plain.choice", no=no, text=line))

    def _answer(self) -> None:
        def choose(_clinic: Mapping[str, Any]) -> None:
            known = self._known()
            rows = items(known)
            self._questions.choose(
                say("plain.which_row"), spoken.checklist_lines(known), lambda no: self._row(rows[no])
            )

        self._of_patient("check", choose)

    def _row(self, item: str) -> None:
        clinic = self._snapshot.get("clinic")
        if clinic is None:
            return
        self._fill(forms.row(item, clinic, self._welcome), lambda _: self._next_of(item))

    def _next_of(self, item: str) -> None:
        """Go on to the row behind, as the screen does; an interrupt ends it."""
        rows = items(self._known())
        at = rows.index(item) + 1
        if at < len(rows):
            self._tell(say("plain.next_row"))
            self._row(rows[at])

    # --- two people ---------------------------------------------------------------------------------

    def _write_off(self) -> None:
        def choose() -> None:
            for line in spoken.unknown_lines(self._snapshot):
                self._tell(line)
            reasons = self._welcome["write_off_reasons"]
            self._questions.choose(
                say("plain.write_off_why"),
                [reason["text"] for reason in reasons],
                lambda no: self._fill(forms.write_off(reasons[no]["code"])),
            )

        self._if("write_off", choose)
