"""The host application of a motorised mesotherapy injector."""

from typing import Final

__version__: Final = "0.1.0"
