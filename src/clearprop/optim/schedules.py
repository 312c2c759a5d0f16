"""Learning rates that change: functions of the step number t = 1, 2, ..."""

import math
from abc import ABC, abstractmethod
from typing import Any

from clearprop._configured import Configured
from clearprop._registry import Registry
from clearprop.errors import ConfigurationError


class Schedule(Configured, ABC):
    """A learning rate as a function of the step: `schedule(t)` for t = 1, 2, ...; compare `Optimizer.rate`."""

    @abstractmethod
    def __call__(self, t: int) -> float: ...

    @classmethod
    def over(cls, rate: float, steps: int) -> "Schedule":
        """The schedule that `--schedule` means: from `rate` (the highest) on, through a training of `steps` steps."""
        make: Any = cls
        return make(rate, steps)  # type: ignore[no-any-return]


SCHEDULES: Registry[type[Schedule]] = Registry("schedule")


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not value > 0:
            raise ConfigurationError(f"{name} must be above 0, not {value!r}")


class StepDecay(Schedule):
    """η(t) = initial · factor^⌊(t - 1)/steps⌋"""

    def __init__(self, initial: float, steps: int, factor: float = 0.1) -> None:
        _positive(initial=initial, steps=steps, factor=factor)
        self.initial, self.steps, self.factor = initial, steps, factor

    def __call__(self, t: int) -> float:
        return self.initial * self.factor ** ((t - 1) // self.steps)

    @classmethod
    def over(cls, rate: float, steps: int) -> "StepDecay":
        """Down to a tenth and a hundredth, after each third."""
        return cls(rate, math.ceil(steps / 3), 0.1)


class ExponentialDecay(Schedule):
    """η(t) = initial · factor^((t - 1)/steps)"""

    def __init__(self, initial: float, steps: int, factor: float = 0.1) -> None:
        _positive(initial=initial, steps=steps, factor=factor)
        self.initial, self.steps, self.factor = initial, steps, factor

    def __call__(self, t: int) -> float:
        return float(self.initial * self.factor ** ((t - 1) / self.steps))

    @classmethod
    def over(cls, rate: float, steps: int) -> "ExponentialDecay":
        """Down to a hundredth at the end."""
        return cls(rate, steps, 0.01)


class InverseScaling(Schedule):
    """η(t) = initial / t^power"""

    def __init__(self, initial: float, power: float = 0.5) -> None:
        _positive(initial=initial, power=power)
        self.initial, self.power = initial, power

    def __call__(self, t: int) -> float:
        return float(self.initial / t**self.power)

    @classmethod
    def over(cls, rate: float, steps: int) -> "InverseScaling":
        """As 1/√t, however many steps there are."""
        return cls(rate)


class Cosine(Schedule):
    """η(t) = final + ½ (initial - final)(1 + cos(π (t - 1)/steps)), then final (Loshchilov, Hutter 2016,
    arXiv:1608.03983)"""

    def __init__(self, initial: float, steps: int, final: float = 0.0) -> None:
        _positive(initial=initial, steps=steps)
        self.initial, self.steps, self.final = initial, steps, final

    def __call__(self, t: int) -> float:
        done = min((t - 1) / self.steps, 1.0)
        return self.final + 0.5 * (self.initial - self.final) * (1.0 + math.cos(math.pi * done))


class OneCycle(Schedule):
    """Up from peak/25 to peak in the first `warm` share of the steps, down to peak/25/10⁴ in the rest, both along half
    a cosine (Smith 2018, arXiv:1803.09820)"""

    def __init__(self, peak: float, steps: int, warm: float = 0.3) -> None:
        _positive(peak=peak, steps=steps, warm=warm)
        if not warm < 1:
            raise ConfigurationError(f"warm is the share of steps that rise, below 1, not {warm!r}")
        self.peak, self.steps, self.warm = peak, steps, warm

    def __call__(self, t: int) -> float:
        done, start = min((t - 1) / self.steps, 1.0), self.peak / 25.0
        if done < self.warm:
            return start + 0.5 * (self.peak - start) * (1.0 - math.cos(math.pi * done / self.warm))
        end = start / 1e4
        return end + 0.5 * (self.peak - end) * (1.0 + math.cos(math.pi * (done - self.warm) / (1.0 - self.warm)))


class Warmup(Schedule):
    """η(t) = t/steps · after(steps) for t < steps, then after(t)"""

    def __init__(self, after: Schedule, steps: int) -> None:
        _positive(steps=steps)
        self.after, self.steps = after, steps

    def __call__(self, t: int) -> float:
        return self.after(t) if t >= self.steps else self.after(self.steps) * t / self.steps

    @classmethod
    def over(cls, rate: float, steps: int) -> "Warmup":
        """Up in the first tenth, then down as `Cosine` falls."""
        return cls(Cosine.over(rate, steps), math.ceil(steps / 10))


_SCHEDULES: dict[str, type[Schedule]] = {
    "step": StepDecay,
    "exponential": ExponentialDecay,
    "inverse": InverseScaling,
    "cosine": Cosine,
    "one_cycle": OneCycle,
    "warmup": Warmup,
}
for _name, _schedule in _SCHEDULES.items():
    SCHEDULES.register(_name, _schedule)
