"""How much every container of the product holds: walks all that can be reached and sums lengths by class and attribute.

So a leak is named (`GunBook.grants`), and nobody has to think of the container beforehand.
"""

import gc
from collections import Counter, deque
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType

OURS = ("meso_device.", "drivers.", "simulator.", "protocols.")
HOLDERS = (list, dict, set, deque, bytearray)
PASSED_BY = (type, ModuleType, CodeType, BuiltinFunctionType)


def census(*roots: object) -> dict[str, float]:
    """Return lengths by `Class.attribute`, and the number of live objects of ours by class."""
    held: Counter[str] = Counter()
    seen: set[int] = set()
    waiting: list[object] = list(roots)
    while waiting:
        item = waiting.pop()
        if id(item) in seen or isinstance(item, PASSED_BY):
            continue
        seen.add(id(item))
        if isinstance(item, FunctionType):
            waiting.extend(cell.cell_contents for cell in item.__closure__ or () if _filled(cell))
            continue
        kind = type(item)
        if kind.__module__.startswith(OURS):
            held[f"objects of {kind.__name__}"] += 1
            for name, value in _attributes(item):
                if isinstance(value, HOLDERS):
                    held[f"{kind.__name__}.{name}"] += len(value)
        if isinstance(item, FrameType):
            waiting.extend(item.f_locals.values())
            continue
        waiting.extend(gc.get_referents(item))
    return dict(held)


def _filled(cell: object) -> bool:
    try:
        cell.cell_contents  # noqa: B018  # an empty cell raises
    except ValueError:
        return False
    return True


def _attributes(item: object) -> list[tuple[str, object]]:
    names = [name for kind in type(item).__mro__ for name in getattr(kind, "__slots__", ())]
    found = [(name, getattr(item, name, None)) for name in names if name != "__dict__"]
    return found + list(getattr(item, "__dict__", {}).items())
