"""``meso demo``: a simulated gun as a process of its own, a whole treatment, and the proof of its log."""

from pathlib import Path
from typing import Annotated

import typer

from meso_device.cli.options import JsonOption

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def demo(
    shots: Annotated[int, typer.Option("--shots", min=1, max=10_000, help="Injections in all.")] = 60,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Decides every random number of the simulated gun.")] = 1,
    home: Annotated[
        Path | None,
        typer.Option("--home", help="Data directory to keep; else one that goes with the demo.", show_default=False),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Watch a whole treatment on a simulated gun, and the proof that its log equals what the gun did."""
    from meso_device.cli.demo_run import run_demo

    raise typer.Exit(run_demo(shots=shots, seed=seed, home=home, json=json))
