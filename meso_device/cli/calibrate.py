"""``meso calibrate``: the technician's runs at the bench, one dose, travel or sensor after the other."""

from typing import Annotated, TypeAlias

import typer

from meso_device.cli.asking import AsOption, PinFileOption
from meso_device.cli.options import GunOption, HomeOption, JsonOption

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Calibrate a gun at the bench: dose, depth, sensors, syringe, filling.",
)

BenchOption: TypeAlias = Annotated[
    str, typer.Option("--bench", metavar="FILE", help="Bench file: instruments, room and limits; see the README.")
]
AdjustOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--adjust", help="Write what was found to the gun and measure again as left; a pass only renews the date."
    ),
]
BalanceOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--balance",
        metavar="PORT",
        help="Port of an MT-SICS balance at 9,600 baud; else readings are typed, such as 35.12345 g.",
        show_default=False,
    ),
]
ThermometerOption: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--thermometer/--no-thermometer",
        help="Ask for the water's temperature behind each stage, such as 20.1 degC; else where somebody can type it.",
        show_default=False,
    ),
]
GaugeOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--gauge",
        metavar="PORT",
        help="Port of a gauge that sends a line a stroke; else readings are typed, such as 1.234 mm.",
        show_default=False,
    ),
]
HeadOption: TypeAlias = Annotated[str, typer.Option("--head", metavar="ID", help="Head that is fitted.")]


@app.command()
def dose(
    gun: GunOption,
    bench: BenchOption,
    balance: BalanceOption = "",
    profile: Annotated[
        str, typer.Option("--profile", help="reference: 10, 50 and 100 % of the range; field: 50 % alone.")
    ] = "reference",
    doses: Annotated[
        list[str] | None, typer.Option("--dose", metavar="VOLUME", help="A dose instead, such as '0.02 mL'; again.")
    ] = None,
    readings: Annotated[int, typer.Option("--readings", help="Readings a dose.")] = 10,
    shots: Annotated[int, typer.Option("--shots", help="Shots a reading; above 1 single shots are not assessed.")] = 1,
    zones: Annotated[
        bool, typer.Option("--zones", help="Weigh in the front, middle and rear third of a full syringe.")
    ] = False,
    syringe: Annotated[
        str, typer.Option("--syringe", metavar="ID", help="Syringe fitted, full of water; else the gun's only one.")
    ] = "",
    syringe_lot: Annotated[str, typer.Option("--syringe-lot", metavar="LOT", help="Its lot.")] = "",
    needle: Annotated[str, typer.Option("--needle", metavar="ID", help="Needle that is fitted.")] = "30g_4mm",
    head: HeadOption = "single",
    thermometer: ThermometerOption = None,
    adjust: AdjustOption = False,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Weigh what the gun gives, as found and, with --adjust, as left."""
    from meso_device.calibration.record import What
    from meso_device.cli.calibrating import Words, run_new
    from meso_device.host.bench_orders import OrderWords

    words = Words(gun=gun, bench=bench, adjust=adjust, sign_in=sign_in, pin_file=pin_file, home=home, json=json)
    asked = OrderWords(
        what=What.DOSE, targets=tuple(doses or ()), readings=readings, profile=profile, shots=shots, syringe=syringe,
        syringe_lot=syringe_lot, needle=needle, head=head, zones=zones,
    )  # fmt: skip
    raise typer.Exit(run_new(words, words.order(asked, thermometer=thermometer), balance=balance, gauge=""))


@app.command()
def syringe(
    gun: GunOption,
    bench: BenchOption,
    syringe_lot: Annotated[str, typer.Option("--syringe-lot", metavar="LOT", help="Lot of the syringe.")],
    balance: BalanceOption = "",
    syringe: Annotated[
        str, typer.Option("--syringe", metavar="ID", help="Syringe fitted, full of water; else the gun's only one.")
    ] = "",
    dose: Annotated[
        str, typer.Option("--dose", metavar="VOLUME", help="Dose to weigh; else half of the range.", show_default=False)
    ] = "",
    readings: Annotated[int, typer.Option("--readings", help="Readings in all, a third of them in each third.")] = 12,
    shots: Annotated[int, typer.Option("--shots", help="Shots a reading; above 1 single shots are not assessed.")] = 1,
    needle: Annotated[str, typer.Option("--needle", metavar="ID", help="Needle that is fitted.")] = "30g_4mm",
    head: HeadOption = "single",
    thermometer: ThermometerOption = None,
    adjust: AdjustOption = False,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Measure what a micrometre of plunger travel gives, over all thirds of a full syringe of one brand, size and lot.

    With --adjust the gun's row of this syringe is written anew; for the readings as left it is filled again.
    """
    from meso_device.calibration.record import What
    from meso_device.cli.calibrating import Words, run_new
    from meso_device.host.bench_orders import OrderWords

    words = Words(gun=gun, bench=bench, adjust=adjust, sign_in=sign_in, pin_file=pin_file, home=home, json=json)
    asked = OrderWords(
        what=What.SYRINGE, targets=(dose,) if dose else (), readings=readings, shots=shots, syringe=syringe,
        syringe_lot=syringe_lot, needle=needle, head=head,
    )  # fmt: skip
    raise typer.Exit(run_new(words, words.order(asked, thermometer=thermometer), balance=balance, gauge=""))


@app.command()
def filling(
    gun: GunOption,
    bench: BenchOption,
    balance: BalanceOption = "",
    syringe: Annotated[
        str, typer.Option("--syringe", metavar="ID", help="Syringe fitted, full of water; else the gun's only one.")
    ] = "",
    syringe_lot: Annotated[str, typer.Option("--syringe-lot", metavar="LOT", help="Its lot.")] = "",
    dose: Annotated[
        str, typer.Option("--dose", metavar="VOLUME", help="Dose to weigh; else half of the range.", show_default=False)
    ] = "",
    readings: Annotated[int, typer.Option("--readings", help="Shots at each end of the filling.")] = 5,
    needle: Annotated[str, typer.Option("--needle", metavar="ID", help="Needle that is fitted.")] = "30g_4mm",
    head: HeadOption = "single",
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Weigh the first shots after priming, what drips behind them, and the last doses until the syringe is empty."""
    from meso_device.calibration.record import What
    from meso_device.cli.calibrating import Words, run_new
    from meso_device.host.bench_orders import OrderWords

    words = Words(gun=gun, bench=bench, adjust=False, sign_in=sign_in, pin_file=pin_file, home=home, json=json)
    asked = OrderWords(
        what=What.FILLING, targets=(dose,) if dose else (), readings=readings, syringe=syringe,
        syringe_lot=syringe_lot, needle=needle, head=head,
    )  # fmt: skip
    raise typer.Exit(run_new(words, words.order(asked, thermometer=False), balance=balance, gauge=""))


@app.command()
def depth(
    gun: GunOption,
    bench: BenchOption,
    gauge: GaugeOption = "",
    travels: Annotated[
        list[str] | None,
        typer.Option("--travel", metavar="LENGTH", help="A travel instead of the seven over the range; again."),
    ] = None,
    cycles: Annotated[int, typer.Option("--cycles", help="Cycles, each up and down.")] = 5,
    head: HeadOption = "single",
    adjust: AdjustOption = False,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Measure the needle's travel in air with a dial gauge that holds its peak; never depth in skin."""
    from meso_device.calibration.record import What
    from meso_device.cli.calibrating import Words, run_new
    from meso_device.host.bench_orders import OrderWords

    words = Words(gun=gun, bench=bench, adjust=adjust, sign_in=sign_in, pin_file=pin_file, home=home, json=json)
    asked = OrderWords(what=What.DEPTH, targets=tuple(travels or ()), readings=cycles, head=head)
    raise typer.Exit(run_new(words, words.order(asked), balance="", gauge=gauge))


@app.command()
def sensors(
    gun: GunOption,
    bench: BenchOption,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Read pressure, suction and force where there is nothing to be sensed; an offset is a fault, not subtracted."""
    from meso_device.calibration.order import SENSOR_READINGS
    from meso_device.calibration.record import What
    from meso_device.cli.calibrating import Words, run_new
    from meso_device.host.bench_orders import OrderWords

    words = Words(gun=gun, bench=bench, adjust=False, sign_in=sign_in, pin_file=pin_file, home=home, json=json)
    asked = OrderWords(what=What.SENSORS, readings=SENSOR_READINGS)
    raise typer.Exit(run_new(words, words.order(asked), balance="", gauge=""))


@app.command()
def resume(
    gun: GunOption,
    balance: BalanceOption = "",
    gauge: GaugeOption = "",
    adjust: AdjustOption = False,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Go on with the newest run that is open, from its last complete reading."""
    from meso_device.cli.calibrating import Words, run_open

    words = Words(gun=gun, bench="", adjust=adjust, sign_in=sign_in, pin_file=pin_file, home=home, json=json)
    raise typer.Exit(run_open(words, balance=balance, gauge=gauge))


@app.command()
def exclude(
    no: Annotated[int, typer.Argument(metavar="NO", help="Number of the reading, as 'meso calibration show' has it.")],
    reason: Annotated[str, typer.Option("--reason", metavar="CODE", help="Why, such as table_bumped.")],
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
) -> None:
    """Let a reading of the newest open run not count, before it is judged; no other is taken in its place."""
    from meso_device.cli.calibrate_sign import exclude_reading

    exclude_reading(no, reason, sign_in=sign_in, pin_file=pin_file, home=home)


@app.command()
def abandon(
    reason: Annotated[str, typer.Option("--reason", metavar="CODE", help="Why, such as gun_broken.")],
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
) -> None:
    """Give up the newest run that is open; its readings stay, the gun keeps the calibration that it has."""
    from meso_device.cli.calibrate_sign import abandon_open

    abandon_open(reason, sign_in=sign_in, pin_file=pin_file, home=home)


@app.command()
def sign(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Its first letters; else the newest.")] = "",
    second: Annotated[
        str, typer.Option("--second", metavar="NAME", help="Who stands by it; else asked.", show_default=False)
    ] = "",
    reason: Annotated[
        str, typer.Option("--reason", metavar="CODE", help="Why a conditional pass is accepted.", show_default=False)
    ] = "",
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
) -> None:
    """Sign a complete run: the technician first, then a second person, each with a PIN."""
    from meso_device.cli.calibrate_sign import sign_run

    sign_run(run, second=second, reason=reason, sign_in=sign_in, pin_file=pin_file, home=home)
