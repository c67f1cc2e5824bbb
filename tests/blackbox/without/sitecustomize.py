"""Takes rules out of a product that was started with this directory on its path: for showing that tests notice.

``MESO_WITHOUT`` names what is taken out, with commas between: codes of the clinic's rules, or one of the words below.
``pin_cost`` alone is for speed: what a look at a new PIN costs.
Everything is done when the module concerned is imported, inside the product's own process.
"""

import importlib.abc
import importlib.machinery
import os
import sys
from types import MappingProxyType, SimpleNamespace

OUT = frozenset(filter(None, os.environ.get("MESO_WITHOUT", "").split(",")))


def _changed(value, **changes):
    """Return a copy of one of the product's values with some fields changed."""
    return type(value)(**{name: getattr(value, name) for name in value.__struct_fields__} | changes)


def _rules(module):
    kept = {name: rule for name, rule in module.RULES.items() if name not in OUT}
    module.RULES = MappingProxyType(kept)
    module.judge.__defaults__ = (module.RULES,)


def _caps(module):
    if "caps" in OUT:
        module.grant_caps = lambda *_: ()


def _roles(module):
    if "roles" in OUT:
        module.role_for = lambda *_: module.Role.CLINICIAN


def _grants(module):
    if "grant_kept" in OUT:
        count = module.GrantAccount.count
        module.GrantAccount.count = lambda self, record: count(self, record) and False


def _file_checks(module):
    if "file_checks" in OUT:
        module.check_file = lambda *_: ()


def _pin(module):
    if "pin" in OUT:
        module.Hasher.fits = lambda *_: True
    if "pin_cost" in OUT:
        make, cheap = module.Hasher.__init__, module.Cost(passes=1, memory_kib=8, lanes=1)
        module.Hasher.__init__ = lambda self, pepper, *, cost=None, **more: make(
            self, pepper, cost=cost or cheap, **more
        )


def _pins_permitted(module):
    if "pins_permitted" in OUT:
        module.BUILD_LIMITS = _changed(module.BUILD_LIMITS, pins=frozenset({1, 5, 9}))


def _unit(module):
    if "unit" in OUT:
        strict = module.parse_quantity

        def lax(text, dimension):
            return strict(text if text[-1:].isalpha() or "/" in text else f"{text} {dimension.display}", dimension)

        module.parse_quantity = lax


def _derived(module):
    if "derived" in OUT:
        module.check_derived = lambda _: None


def _real_guns(module):
    if "real_guns" in OUT:
        module._is_foreign = lambda *_: False
        module.Headless.next_wish = _never_mind_the_mark(module.Headless.next_wish)


def _never_mind_the_mark(next_wish):
    return lambda self, view, now: next_wish(self, _changed(view, simulated=True), now)


def _advice(module):
    if "advice" in OUT:
        module.depth_advice = lambda *_: ()


def _tied(module):
    if "tied" in OUT:
        tie = module.tied_event
        module.tied_event = lambda *words, **named: _changed(tie(*words, **named), lots=(), gun_uids=())


def _one_host(module):
    if "one_host" in OUT:
        module.fcntl = SimpleNamespace(**{**vars(module.fcntl), "flock": lambda *_: None})


CHANGES = {
    "meso_device.records.reactions": _tied,
    "meso_device.host.home": _one_host,
    "meso_device.session.advice": _advice,
    "meso_device.host.headless": _real_guns,
    "meso_device.session.interlocks": _rules,
    "meso_device.accounting.caps": _caps,
    "meso_device.accounting.grants": _grants,
    "meso_device.people.roles": _roles,
    "meso_device.people.pins": _pin,
    "meso_device.audit.derived_check": _derived,
    "protocols.treatment.checks": _file_checks,
    "protocols.treatment.limits": _pins_permitted,
    "protocols.treatment.quantities": _unit,
}


class _Loader(importlib.abc.Loader):
    def __init__(self, own, change):
        self._own = own
        self._change = change

    def create_module(self, spec):
        return self._own.create_module(spec)

    def exec_module(self, module):
        self._own.exec_module(module)
        self._change(module)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        change = CHANGES.get(name)
        if change is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, change)
        return spec


if OUT:
    sys.meta_path.insert(0, _Finder())
