"""How many threads go on, and for how long: what the steps so far have taken decides."""

import math

from clearprop.engine.native.tuning import Tuning


class Pace:
    """How long a step takes with one thread and with several.

    Results do not depend on the number of threads, so whichever is faster may go on: where processors are shared with
    others, several threads can wait for one that does not run.
    """

    def __init__(self, tuning: Tuning) -> None:
        self.tuning = tuning
        self.seconds: dict[int, float] = {}
        self.cold = True  # the first slice finds neither threads nor memory ready,
        self.guess = 0.0  # and tells only how long the next may be
        self.patience = 0.0  # seconds until the slower number is tried again

    def choose(self, most: int, guess: float) -> tuple[int, float, float]:
        """A number of threads, the seconds a step will take (`guess` if nothing is known), and how long to go on."""
        for threads in dict.fromkeys((most, 1)):
            if threads not in self.seconds:
                pace = min(self.seconds.values(), default=self.guess or guess)
                return threads, pace, self._trial(pace) if self.seconds else self.tuning.slice
        fast, slow = sorted((most, 1), key=self.seconds.__getitem__)
        if fast != slow and self.patience <= 0.0:
            return slow, self.seconds[slow], self._trial(self.seconds[slow])
        return fast, self.seconds[fast], self.tuning.slice

    def _trial(self, pace: float) -> float:
        return min(max(self.tuning.trial, self.tuning.least_steps * pace), self.tuning.slice)

    def note(self, threads: int, steps: int, seconds: float) -> None:
        """A slice of so many steps took so long."""
        pace, known = seconds / steps, self.seconds.get(threads, math.inf)
        if self.cold:
            self.cold, self.guess = False, pace
            return
        self.seconds[threads] = min(pace, 0.8 * known + 0.2 * pace)
        trial = threads == max(self.seconds, key=self.seconds.__getitem__)
        self.patience = self.tuning.rarely * seconds if trial else self.patience - seconds
