"""``meso doctor``: what about this computer could keep a session from running."""

import typer

from meso_device.cli.options import HomeOption, JsonOption
from meso_device.cli.output import say, say_json

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def doctor(home: HomeOption = None, json: JsonOption = False) -> None:
    """Check this computer; 1 when something must be mended before a session."""
    from msgspec.structs import asdict

    from meso_device.cli.checks import Level, all_checks

    checks = all_checks(home)
    if json:
        say_json({"checks": [asdict(check) for check in checks]})
    else:
        marks = {Level.GOOD: "ok", Level.NOTE: "--", Level.BAD: "!!"}
        for check in checks:
            say(f"{marks[check.level]}  {check.name:<16} {check.text}")
    raise typer.Exit(1 if any(check.level is Level.BAD for check in checks) else 0)
