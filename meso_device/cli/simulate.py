"""``meso simulate``: the one door to the simulator."""

from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def simulate(
    link: Annotated[
        Path | None, typer.Option("--link", help="Name of the serial port to make.", show_default=False)
    ] = None,
    tcp: Annotated[
        str | None, typer.Option("--tcp", metavar="HOST:PORT", help="Listen here too, or instead.", show_default=False)
    ] = None,
    nvm: Annotated[
        Path | None, typer.Option("--nvm", help="The gun's memory: survives its end.", show_default=False)
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option("--truth", help="File for what physically happens, a line an injection.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Decides every random number.")] = 1,
    scenario: Annotated[
        Path | None, typer.Option("--scenario", help="File that says what goes wrong when.", show_default=False)
    ] = None,
    baud: Annotated[
        int | None,
        typer.Option("--baud", min=300, help="Speed of the line; else as fast as it goes.", show_default=False),
    ] = None,
    hand: Annotated[
        Literal["auto", "keys", "none", "technician"],
        typer.Option(
            "--hand",
            help="Who pulls the trigger: auto whenever armed; keys: space trigger, c skin, x cable, o occlusion, "
            "s new syringe, b battery, q end; technician: the service button, and a full syringe for one nearly empty.",
        ),
    ] = "auto",
    rate: Annotated[int, typer.Option("--rate", min=1, max=9, help="Pulls per second of the automatic hand.")] = 9,
    syringe: Annotated[
        str | None,
        typer.Option(
            "--syringe",
            metavar="ID",
            help="Set the gun up for this syringe, full, such as bd_10ml; else as it was, a new one for bd_5ml.",
            show_default=False,
        ),
    ] = None,
    balance: Annotated[
        Path | None,
        typer.Option("--balance", help="Name of the port of a balance under the needle.", show_default=False),
    ] = None,
    gauge: Annotated[
        Path | None,
        typer.Option("--gauge", help="Name of the port of a dial gauge at the needle's tip.", show_default=False),
    ] = None,
    plunger_gain_ppm: Annotated[
        int,
        typer.Option(
            "--plunger-gain-ppm", min=0, max=200_000, help="By how much the barrel holds more than its table says."
        ),
    ] = 0,
    firmware: Annotated[
        str, typer.Option("--firmware", metavar="VERSION", help="Version that the gun's firmware calls itself.")
    ] = "1.0.0",
    auth_key_file: Annotated[
        Path | None,
        typer.Option(
            "--auth-key-file",
            help="The card with the gun's link key; made with a fresh key if it is not there. The gun then obeys "
            "only hosts that hold it.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Be a simulated gun until told to end; prints "ready PATH" once a host can connect."""
    from simulator.run import SimulateOptions
    from simulator.run import simulate as be_a_gun

    options = SimulateOptions(
        link=link,
        tcp=tcp,
        nvm=nvm,
        truth=truth,
        seed=seed,
        scenario=scenario,
        baud=baud,
        hand=hand,
        rate=rate,
        syringe=syringe,
        balance=balance,
        gauge=gauge,
        plunger_gain_ppm=plunger_gain_ppm,
        firmware=firmware,
        auth_key_file=auth_key_file,
    )
    raise typer.Exit(be_a_gun(options))
