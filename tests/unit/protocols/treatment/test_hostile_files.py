"""Files made to break the loader, by seed.

``MESO_HOSTILE_FILES=10000 pytest tests/unit/protocols/treatment/test_hostile_files.py`` runs as many as one likes.
"""

import gc
import os
import random
import re
import time
import tracemalloc

import pytest

from protocols.treatment.library import library, library_bytes
from protocols.treatment.loader import load_treatment, parse_treatment
from protocols.treatment.problems import PROBLEMS_MAX, TreatmentFileError
from protocols.treatment.text import FILE_BYTES_MAX

FILES = int(os.environ.get("MESO_HOSTILE_FILES", "600"))
CPU_S_MAX = 2
MEMORY_BYTES_MAX = 64_000_000

LENGTHS, VOLUMES = ("depth", "spacing"), ("dose", "volume", "per_point", "per_cm2", "per_area", "per_session")
QUANTITIES = (*LENGTHS, *VOLUMES, "rate", "flow", "dwell", "viscosity")
ROOTS = [library_bytes(name).decode() for name in library()]


def lines_of(text, keys):
    """Numbers of the lines that give one of the keys."""
    pattern = re.compile(rf"({'|'.join(keys)}) = ")
    return [number for number, line in enumerate(text.split("\n")) if pattern.match(line)]


def with_line(text, number, line):
    lines = text.split("\n")
    lines[number] = line
    return "\n".join(lines)


def set_value(rng, keys, values):
    """Give one of the keys another value; return the text and the line, from 1."""
    text = rng.choice(ROOTS)
    number = rng.choice(lines_of(text, keys))
    key = text.split("\n")[number].split(" = ")[0]
    return with_line(text, number, f"{key} = {rng.choice(values)}"), number + 1


def wrong_type(rng):
    values = ["1.5", "15", "-0.0", "nan", "-inf", "1e309", "true", "[]", "{}", '["1 mm"]', "1979-05-27", "07:32:00",
              "0xff", "9" * 400, "1" * 300 + ".5", '""', "'''1 mm\n'''", '"1 mm", "1 mm"', "1 mm", "mm"]  # fmt: skip
    return set_value(rng, QUANTITIES, values)


def swapped_unit(rng):
    swap = rng.choice([(LENGTHS, "1 mL"), (LENGTHS, "1 ms"), (VOLUMES, "1 mm"),
                       (VOLUMES, "0.01 L"), (("rate",), "9 mm"),
                       (("flow",), "1 mL"), (("flow",), "0.1 mm/s"), (("dwell",), "10 mL"), (("dwell",), "10 min"),
                       (("viscosity",), "1 mPa"), (VOLUMES, "20 mg"), (LENGTHS, "0.06 in")])  # fmt: skip
    return set_value(rng, swap[0], [f'"{swap[1]}"'])


def wrong_form(rng):
    number = rng.choice(["1,5", "-1", "+1", "1e3", ".5", "1.", "01", "\uff11", "٣", "1_0", "1 0",
                         "NaN", "1e309", "∞", "", "1/2", "0x1", "9" * 99, "1.1234567", "½", "1·5"])  # fmt: skip
    unit = rng.choice(["mm", "mL", "um", "/s", "mL/s", "ms"])
    return set_value(rng, QUANTITIES, [f'"{number} {unit}"', f'"{number}{unit}"'])


def unknown_key(rng):
    text = rng.choice(ROOTS)
    number = rng.choice(lines_of(text, ("points", "depth", "title", "syringe", "per_point")))
    key = rng.choice(["dpeth", "x", '"d\u0435pth"', '"\uff44\uff45\uff50\uff54\uff48"', "DEPTH",
                      '"\\u0000"', '"\\u202e"', "drug", "mg", "a" * 300,
                      "__class__", '""', "points2", '"po\\u0069nts\\u200b"'])  # fmt: skip
    lines = text.split("\n")
    lines.insert(number, f'{key} = "1 mm"')
    return "\n".join(lines), number + 1


def repeated(rng):
    text = rng.choice(ROOTS)
    number = rng.choice(lines_of(text, (*QUANTITIES, "points", "title", "mode")))
    lines = text.split("\n")
    lines.insert(number, lines[number])
    return "\n".join(lines), number + 2


def repeated_table(rng):
    text = rng.choice(ROOTS)
    return text + rng.choice(["[limits]\n", "[treatment]\n", "[equipment]\n", "[defaults]\n"]), text.count("\n") + 1


def wrong_count(rng):
    return set_value(rng, ("points",), ["0", "-1", "5001", "9" * 30, '"20"', "20.0", "true", "nan", "1e309", "[20]"])


def wrong_name(rng):
    text = rng.choice(ROOTS)
    number = rng.choice(lines_of(text, ("id",))[1:])  # the first is the treatment's own
    value = rng.choice(["eye_zone", "cheek", "Forehead", "f\u043erehead", "ﬁnger", "forehead ", "",
                        "../nose", "forehead\\n", "\\u0000", "x" * 900])  # fmt: skip
    return with_line(text, number, f'id = "{value}"'), number + 1


def wrong_word(rng):
    return set_value(rng, ("mode", "status", "course", "head", "needle", "syringe", "technique"),
                     ['"approved"', '"siпgle"', '"Single"', "1", '""', '"retrograde"',
                      '"\\u001b[2J"', "{}"])  # fmt: skip


def forbidden_bytes(rng):
    data = rng.choice(ROOTS).encode()
    lines = data.split(b"\n")
    number = rng.randrange(len(lines))
    at = rng.randint(0, len(lines[number].decode()))
    line = lines[number].decode()
    junk = rng.choice([b"\x00", b"\x1b[2J", b"\r", b"\xef\xbb\xbf", b"\xff", b"\xc0\xaf",
                       b"\xed\xa0\x80", b"\x7f", b"\xe2\x80\xae",
                       b"\xf5\x80\x80\x80", b"\x0c", b"\xc2\x85"])  # fmt: skip
    lines[number] = line[:at].encode() + junk + line[at:].encode()
    return b"\n".join(lines), number + 1


def windows_line_ends(rng):
    return rng.choice(ROOTS).replace("\n", "\r\n").encode(), 1


def another_encoding(rng):
    return rng.choice(ROOTS).encode(rng.choice(["utf-16", "utf-32", "utf-16-be", "utf-8-sig"])), 1


def too_much(rng):
    text = rng.choice(ROOTS)
    unit = rng.choice(["#\n", "[[area]]\n", "x = [[[[[[\n", "a.b.c.d.e.f = 1\n", '"', "[[product]]\n", "=\n", "é"])
    size = rng.choice([FILE_BYTES_MAX - len(text) - 2, FILE_BYTES_MAX, 10 * FILE_BYTES_MAX])
    return (text + (unit * size)[:size]).encode()[:1_000_000] + b"\n[", None


def nested(rng):
    depth = rng.choice([10, 400, 900])
    bracket, gap = rng.choice(["[", "{a=", "[{a=["]), rng.choice(["", "\n"])
    text = rng.choice(ROOTS)
    return text + "note = " + (bracket + gap) * depth, None


def too_long_a_line(rng):
    text = rng.choice(ROOTS)
    tail = rng.choice(["a." * 5_000 + "a = 1", "# " + "x" * 2_000, "x = " + "9" * 5_000, 'x = "' + "y" * 3_000 + '"'])
    return text + tail, text.count("\n") + 1


def over_a_limit(rng):
    return set_value(
        rng, ("per_session", "per_area", "per_point", "per_cm2"), ['"21 mL"', '"200 mL"', '"500 mL"', '"0.0001 mL"']
    )


def unclosed(rng):
    text = rng.choice(ROOTS)
    return text + rng.choice(
        ['x = "y', "x = '", "x = [1,", "x = {", '"x', "[x", "[[x]", "x", "x =", 'x = """', "x = 1 2"]
    ), None


BREAKERS = [
    wrong_type, swapped_unit, wrong_form, unknown_key, repeated, repeated_table, wrong_count, wrong_name, wrong_word,
    forbidden_bytes, windows_line_ends, another_encoding, too_much, nested, too_long_a_line, over_a_limit, unclosed,
]  # fmt: skip


def check_refusal(error, data):
    """A refusal has a place inside the file and one printable line for each problem."""
    assert 1 <= len(error.problems) <= PROBLEMS_MAX
    lines = data.split(b"\n")
    for problem in error.problems:
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
    shown = str(error).split("\n")
    assert len(shown) <= PROBLEMS_MAX + 1
    for line, problem in zip(shown, error.problems, strict=False):
        assert line.startswith(f"hostile.toml:{problem.line}:{problem.column}: ")
        assert line.isprintable()
        assert len(line) < 600


@pytest.mark.hazard("HZ-58")
@pytest.mark.hazard("HZ-07")
@pytest.mark.invariant("I-40")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("breaker", BREAKERS, ids=lambda breaker: breaker.__name__)
def test_every_broken_file_is_refused_in_time_and_at_the_place_that_was_broken(breaker):
    for seed in range(FILES // len(BREAKERS) + 1):
        rng = random.Random(f"{breaker.__name__} {seed}")
        made, line = breaker(rng)
        data = made if isinstance(made, bytes) else made.encode()
        started_s = time.process_time()
        with pytest.raises(TreatmentFileError) as refused:
            parse_treatment(data, "hostile.toml")
        assert time.process_time() - started_s < CPU_S_MAX, seed
        check_refusal(refused.value, data)
        places = [problem.line for problem in refused.value.problems]
        assert line is None or line in places, (seed, line, str(refused.value))


@pytest.mark.hazard("HZ-58")
@pytest.mark.timeout(600)
def test_randomly_damaged_files_load_or_are_refused_but_never_crash():
    loaded = 0
    for seed in range(FILES):
        rng = random.Random(seed)
        data = bytearray(rng.choice(ROOTS).encode())
        for _ in range(rng.randint(1, 5)):
            at = rng.randrange(len(data))
            match rng.randrange(4):
                case 0:
                    data[at] = rng.randrange(256)
                case 1:
                    del data[at : at + rng.randint(1, 40)]
                case 2:
                    data[at:at] = bytes(rng.choice(b"[]{}=\"'.#\n,0123456789mL") for _ in range(rng.randint(1, 8)))
                case _:
                    data[at:at] = data[at : at + rng.randint(1, 200)]
        try:
            parse_treatment(bytes(data), "hostile.toml")
            loaded += 1
        except TreatmentFileError as error:
            check_refusal(error, bytes(data))
    # Damage inside a note or a comment is no damage; were it most of them, nothing would be tested.
    assert loaded < FILES // 2


WORST = {
    "areas": "[[area]]\n" * 7_000,
    "areas and unknown defaults": "[defaults]\n" + "".join(f"k{i}=1\n" for i in range(3_000)) + "[[area]]\n" * 4_000,
    "unknown keys": "".join(f"dept{i} = 1\n" for i in range(5_000)),
    "repeated keys": "a=1\n" * 16_000,
    "repeated tables": "[a]\n" * 16_000,
    "tables": "".join(f"[t{i}]\n" for i in range(7_000)),
    "dotted keys": ("a." * 490 + "a = 1\n") * 60,
    "open brackets": "x = " + "[\n" * 30_000,
    "open braces": "x = " + "{a = " * 180,
    "products": "[[product]]\n" * 5_000,
    "quotes": '"""\n' * 16_000,
    "wrong areas": "[[area]]\nid = 1\npoints = -1\ndepth = 1\nq = 1\n" * 1_300,
}


@pytest.mark.parametrize("text", WORST.values(), ids=WORST)
def test_the_costliest_files_known_stay_within_time_and_memory(text):
    data = text.encode()
    assert len(data) <= FILE_BYTES_MAX
    gc.freeze()  # what other tests have left in this process is none of this file's cost
    try:
        started_s = time.process_time()
        with pytest.raises(TreatmentFileError) as refused:
            parse_treatment(data, "hostile.toml")
        assert time.process_time() - started_s < CPU_S_MAX
    finally:
        gc.unfreeze()
    check_refusal(refused.value, data)
    tracemalloc.start()
    try:
        with pytest.raises(TreatmentFileError):
            parse_treatment(data, "hostile.toml")
        assert tracemalloc.get_traced_memory()[1] < MEMORY_BYTES_MAX
    finally:
        tracemalloc.stop()


@pytest.mark.hazard("HZ-58")
def test_what_is_no_file_is_refused_through_the_same_door(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(100_000_000)
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "link", tmp_path / "huge", tmp_path / "none", "/dev/zero"):
        started_s = time.process_time()
        with pytest.raises(TreatmentFileError):
            load_treatment(path)
        assert time.process_time() - started_s < CPU_S_MAX
