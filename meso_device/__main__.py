"""Run the command line: ``python -m meso_device``."""

from meso_device.cli.main import main

if __name__ == "__main__":
    main()
