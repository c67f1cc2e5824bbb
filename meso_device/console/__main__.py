"""``python -m meso_device.console``: the screen, as the host starts it."""

import gc
import os
import sys
import time
from collections.abc import Mapping, Sequence

from meso_device.console.client import Client
from meso_device.screen_start import begin
from protocols.errors import UsageError


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the screen until the host ends it; return the exit status.

    Args:
        arguments: ``--ascii`` draws nothing outside ASCII.
        environ: ``TERM=linux`` does the same; ``NO_COLOR`` takes all colour away.
    """
    try:
        peer = begin()
    except UsageError as error:
        sys.stderr.write(f"meso: {error}\n")
        return 2
    client = Client(peer)
    client.hello()
    # What is imported now stays for good, so nobody has to look through it for garbage.
    gc.disable()
    from meso_device.console.app import ConsoleApp  # noqa: PLC0415  # the host answers meanwhile
    from meso_device.console.input_bytes import tolerate_broken_bytes  # noqa: PLC0415  # the same

    gc.freeze()
    gc.enable()
    only_ascii = "--ascii" in arguments or environ.get("TERM") in {"linux", "dumb"}
    tolerate_broken_bytes()
    app = ConsoleApp(client, only_ascii=only_ascii, offset_s=time.localtime().tm_gmtoff)
    status = app.run()
    return status if status is not None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
