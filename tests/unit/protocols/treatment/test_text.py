import pytest

from protocols.treatment.problems import TreatmentFileError
from protocols.treatment.text import FILE_BYTES_MAX, LINE_CHARS_MAX, decode


@pytest.mark.parametrize(
    ("data", "line", "column", "what"),
    [
        (b"", 1, 1, "the file is empty"),
        (b"\xef\xbb\xbfa = 1\n", 1, 1, "byte order mark"),
        (b"a = 1\r\nb = 2\r\n", 1, 6, "carriage return"),
        (b"a = 1\nb = \x00\n", 2, 5, "NUL byte"),
        (b"a = 1\nb = '\x1b'\n", 2, 6, "control character 0x1b"),
        (b"a\n\n  \x7f", 3, 3, "control character 0x7f"),
        ("a = 'é\u202e'".encode(), 1, 7, "RIGHT-TO-LEFT OVERRIDE"),
        ("a = '\u200b'".encode(), 1, 6, "ZERO WIDTH SPACE"),
        ("a = '\u2028'".encode(), 1, 6, "LINE SEPARATOR"),
        (b"a = 1\nb = '\xff'\n", 2, 6, "byte 0xff is not UTF-8"),
        (b"a = '\xed\xa0\x80'", 1, 6, "byte 0xed is not UTF-8"),
        (b"a = '\xc0\xaf'", 1, 6, "byte 0xc0 is not UTF-8"),
        (b"a = 1\n#" + b"x" * LINE_CHARS_MAX, 2, 1, "the line is longer than"),
        (b"#" * (FILE_BYTES_MAX + 1), 1, 1, "the file has 65537 bytes"),
    ],
)
def test_unsafe_text_is_refused_where_it_stands(data, line, column, what):
    with pytest.raises(TreatmentFileError) as refused:
        decode(data, "f")
    (problem,) = refused.value.problems
    assert (problem.line, problem.column) == (line, column)
    assert what in problem.what


def test_letters_of_any_language_are_kept():
    assert decode("título = 'Décolleté, 首'\t\n".encode(), "f") == "título = 'Décolleté, 首'\t\n"
