"""Whether a run at the bench can begin, or go on, with this gun and these references today."""

from meso_device.calibration.order import GunFacts, Order, begun_of, check_references
from meso_device.calibration.record import Begun
from meso_device.calibration.run import Run
from meso_device.session.calibration import GunCalibration
from meso_device.session.contract import Calibrate
from meso_device.session.desk import Desk
from meso_device.session.flow import LinkTrouble
from protocols.errors import UsageError
from protocols.units import day_of
from protocols.wire.messages import LimitsGetReply


def checked_beginning(desk: Desk, run: Run, command: Calibrate) -> Begun:
    """Return the first record of the run, if it can begin or go on with this gun and these references today.

    Raises:
        UsageError: it cannot.
        LinkTrouble: the gun did not say enough of itself.
    """
    book, today, order = desk.gun(), day_of(desk.now.utc_us), command.order
    limits, calibration = desk.limits, desk.calibration
    if limits is None or calibration is None:
        raise LinkTrouble("the gun did not give its limits or its calibration")
    if order is None:
        begun = run.begun
        check_references(begun.references, begun.what, today)
        if book.stamp.gun_uid != command.gun_uid:
            raise UsageError(
                f"OTHER_GUN: this run is of gun {begun.serial}, {book.hello.serial} is connected: connect that one"
            )
        return begun
    return begun_here(order, book.hello.serial, limits, calibration, today)


def begun_here(order: Order, serial: str, limits: LimitsGetReply, calibration: GunCalibration, today: int) -> Begun:
    """Return the first record that a new run would have with this gun.

    Args:
        order: What is asked for.
        serial: Serial number of the gun.
        limits: Its hard limits.
        calibration: The one in force.
        today: In days since 1970-01-01.

    Raises:
        UsageError: it cannot begin: a reference is missing or out of date, or the gun is not set up for it.
    """
    check_references(order.references, order.what, today)
    if order.head_type_id not in calibration.heads:
        raise UsageError(f"WRONG_HEAD: the gun does not know head type {order.head_type_id}")
    rows = calibration.syringes.values()
    return begun_of(
        order,
        GunFacts(
            serial=serial,
            cal_hash8=calibration.hash8.hex(),
            in_force=calibration.corrections,
            syringes={row.geometry_id: (row.pl_per_um, row.travel_um, row.min_dose_nl) for row in rows},
            dose_nl_max=limits.dose_nl_max,
            dose_grid_nl=limits.dose_grid_nl,
            depth_um_max=limits.depth_um_max,
            depth_grid_um=limits.depth_grid_um,
        ),
    )
