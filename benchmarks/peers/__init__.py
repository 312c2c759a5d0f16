"""How each library does the work.  A module here has one function:

    variants(work, data) -> {name of a way to do it: a function that prepares it}

Preparing may compile and is not timed.  Of several ways the worker keeps the one that is fastest on this machine.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple


class Timed(NamedTuple):
    """One repetition: `run(start())` is work, of which only `run` is timed, and `loss` judges what it returns."""

    start: Callable[[], Any]
    run: Callable[[Any], Any]
    loss: Callable[[Any], float]


Variants = dict[str, Callable[[], Timed]]


@dataclass(frozen=True)
class Peer:
    """A library, as this benchmark uses it."""

    name: str
    title: str
    module: str
    package: str

    @property
    def installed(self) -> bool:
        """Whether it can be imported here."""
        return find_spec(self.package) is not None

    def variants(self, work: Any, data: Any) -> Variants:
        """The ways in which it can do this work; none where it cannot."""
        found: Variants = import_module(f"benchmarks.peers.{self.module}").variants(work, data)
        return found


OURS = Peer("ours", "clearprop", "ours", "clearprop")
PEERS = {
    peer.name: peer
    for peer in (
        OURS,
        Peer("numpy", "NumPy by hand", "with_numpy", "numpy"),
        Peer("sklearn", "scikit-learn", "with_sklearn", "sklearn"),
        Peer("torch", "PyTorch", "with_torch", "torch"),
        Peer("torch-compile", "torch.compile", "with_torch_compile", "torch"),
        Peer("jax", "JAX", "with_jax", "jax"),
        Peer("keras", "Keras (JAX)", "with_keras", "keras"),
    )
}


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def environment(threads: int | None) -> dict[str, str]:
    """The variables that libraries read when they are imported; without a number they decide themselves."""
    variables = dict(os.environ) | {"KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu"}
    if threads is not None:
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
        variables |= {name: str(threads) for name in (*names, "NPROC")}  # NPROC is what XLA sizes its thread pools by
    if threads == 1:
        variables["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    return variables


def threads_here() -> int:
    """What `environment` set, in the process that got it."""
    return int(os.environ.get("OMP_NUM_THREADS", processors()))
