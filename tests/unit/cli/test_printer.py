import os

from meso_device.cli.printer import CLOSE_S, LINES_MAX, Printer


def read_all(fd):
    with os.fdopen(fd, "rb") as file:
        return file.read().decode()


def test_lines_come_in_order():
    read, write = os.pipe()
    printer = Printer(write, pictures=False)
    for number in range(100):
        printer.line(str(number))
    printer.picture(("not shown",))
    printer.close()
    os.close(write)
    assert read_all(read).split() == [str(number) for number in range(100)]


def test_a_picture_stays_in_place_and_the_last_one_stands():
    read, write = os.pipe()
    printer = Printer(write, pictures=True)
    printer.picture(("one", "two"))
    printer.picture(("three", "four"))
    printer.line("line")
    printer.close()
    os.close(write)
    text = read_all(read)
    assert text.endswith("three\nfour\n")
    shown = text.rpartition("\x1b[J")[2]
    assert shown.splitlines()[-2:] == ["three", "four"]


def test_a_terminal_that_takes_nothing_holds_up_nobody(monkeypatch):
    read, write = os.pipe()
    monkeypatch.setattr("meso_device.cli.printer.CLOSE_S", 0.01)
    printer = Printer(write, pictures=True)
    for _ in range(3 * LINES_MAX):
        printer.line("x" * 100)
    printer.close()
    assert CLOSE_S >= 0.01
    os.close(read)
    printer._thread.join(5)
    assert not printer._thread.is_alive()
    os.close(write)


def test_a_reader_that_left_is_no_error():
    read, write = os.pipe()
    os.close(read)
    printer = Printer(write, pictures=False)
    printer.line("anything")
    printer.close()
    os.close(write)
