import tomllib

from hypothesis import given
from hypothesis import strategies as st

from protocols.treatment.library import library, library_bytes
from protocols.treatment.positions import scan


def leaves(value, path=()):
    """Paths of everything that a TOML text says, but not of elements of plain arrays."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key)
            yield from leaves(item, (*path, key))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for index, item in enumerate(value):
            yield (*path, index)
            yield from leaves(item, (*path, index))


def test_every_key_of_every_library_file_is_found_on_its_line():
    for name in library():
        text = library_bytes(name).decode()
        lines, positions = text.split("\n"), scan(text)
        paths = [path for path in leaves(tomllib.loads(text)) if path not in {("area",), ("product",)}]
        assert len(paths) > 30
        for path in paths:
            line, column = positions.of_key(path)
            written = lines[line - 1][column - 1 :]
            assert written.startswith("[" if isinstance(path[-1], int) else (str(path[-1]), f"[{path[-1]}]")), path


def test_keys_are_found_behind_strings_comments_and_arrays_that_hold_brackets_and_signs():
    text = (
        "# [no]\n"
        'a = "[x] = # \\" y" # c = 1\n'
        "b = ['''\n[c]\nd = 1''', # ]\n  [\"]\"]]\n"
        '"e f".g = {h = "}", i = [1]}\n'
        "[t.'u v']\nw = 1\n"
        "[[x]]\n[[x.y]]\nz = 1\n[[x]]\n[x.q]\nr = 2\n"
    )
    positions = scan(text)
    at = {path: positions.of_key(path) for path in positions.keys}
    assert at == {
        ("a",): (2, 1),
        ("b",): (3, 1),
        ("e f", "g"): (7, 1),
        ("t", "u v"): (8, 1),
        ("t", "u v", "w"): (9, 1),
        ("x", 0): (10, 1),
        ("x", 0, "y", 0): (11, 1),
        ("x", 0, "y", 0, "z"): (12, 1),
        ("x", 1): (13, 1),
        ("x", 1, "q"): (14, 1),
        ("x", 1, "q", "r"): (15, 1),
    }
    assert positions.of_value(("a",)) == (2, 5)
    assert positions.of_value(("x", 1, "q", "none")) == (14, 1)
    assert positions.deepest[0] == 2


@given(st.text(alphabet="ab.=[]{}\"'#\\\n \t,1", max_size=200))
def test_any_text_is_scanned_and_every_offset_lies_in_it(text):
    positions = scan(text)
    for offset in [*positions.keys.values(), *positions.values.values(), positions.deepest[1]]:
        assert 0 <= offset <= len(text)


names = st.text(alphabet="abcde", min_size=1, max_size=3)
values = st.sampled_from(['"x = 1"', "'[y]'", "[1, 2]", '["]", "#"]', "1", '"""\n[k]\nz = 2"""', "{q = 1}", "true"])


@given(st.lists(st.tuples(names, st.lists(st.tuples(names, values), max_size=4)), max_size=6))
def test_where_the_parser_accepts_a_text_the_scanner_finds_the_same_keys(tables):
    text = "".join(
        f"[[{table}]]\n" + "".join(f"{key} = {value} # c\n" for key, value in dict(entries).items())
        for table, entries in tables
    )
    said = tomllib.loads(text)
    found = set(scan(text).keys)
    expected = {
        (table, index, *key)
        for table, elements in said.items()
        for index, element in enumerate(elements)
        for key in [(), *((name,) for name in element)]
    }
    assert found == expected
