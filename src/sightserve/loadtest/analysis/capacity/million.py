"""What a million photos cost on Cloud Run, from how many a second one machine's slots answer. Pure: figures in, dollars out."""

from typing import Final, NamedTuple

from sightserve.loadtest.analysis.capacity.plan import data, memory

_MILLION: Final = 1e6


class Million(NamedTuple):
    """What a million photos cost, and of what.

    Attributes:
        dollars: for compute and requests.
        vcpu, gib: of the instance, which has a slot for each.
        busy: share of the time that its CPUs work: more, and the autoscaler adds instances.
        formula: in words.
        as_of: date of the prices.
    """

    dollars: float
    vcpu: int
    gib: float
    busy: float
    formula: str
    as_of: str


def million(photos_per_second: float, slots: int, model: int) -> Million:
    """Return what a million photos cost where a vCPU does as much as a slot did here, and instances are always busy.

    Args:
        photos_per_second: of all slots together.
        slots: that gave them.
        model: bytes of its files.
    """
    prices, limits = data("prices"), data("limits")
    vcpu = 2  # two photos at once, and half of the memory that each would need alone
    gib, busy = max(limits["least_gib"][str(vcpu)], memory(vcpu, model)), limits["cpu_target"]
    rate = photos_per_second / slots * vcpu * busy
    second = vcpu * prices["vcpu_second"] + gib * prices["gib_second"]
    work = f"{photos_per_second / slots:.3g} photos/s a vCPU x {vcpu} x {busy:.0%} busy"
    paid = f"{vcpu} vCPU x $ {prices['vcpu_second']:.3g} + {gib:g} GiB x $ {prices['gib_second']:.3g}"
    formula = f"1,000,000 / ({work}) x ({paid}) + $ {prices['million_requests']:.2f} for requests"
    return Million(
        float(_MILLION / rate * second + prices["million_requests"]), vcpu, gib, busy, formula, prices["as_of"]
    )
