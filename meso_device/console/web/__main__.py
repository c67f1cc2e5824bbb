"""``python -m meso_device.console.web SOCKET PORT [--ascii]``: the server of ``meso view --web``."""

import asyncio
import sys
from collections.abc import Sequence

from meso_device.console.web.server import Server, view_words


def main(arguments: Sequence[str]) -> int:
    """Serve until a signal ends it; return the exit status."""
    path, port, *options = arguments
    try:
        asyncio.run(Server(view_words(path, options), int(port)).run())
    except OSError as error:
        sys.stderr.write(f"meso: port {port} cannot be listened on: {error.strerror}; give another with --port\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
