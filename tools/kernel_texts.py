"""Print digests of the text of all kernels of 152 varied programs, written for three kinds of processor, run on none.

A change that should only move code leaves them as they are:

    PYTHONPATH=src:tests python tools/kernel_texts.py > before.json     (and after, and compare)
"""

import hashlib
import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

from clearprop import ops
from clearprop.engine import GradientOptions, NativeEngine
from clearprop.engine.native import prediction, training
from clearprop.engine.native.target import Target, avx2, avx512, neon
from clearprop.layers import Activation, BatchNorm, Dense, Dropout, Layer, LayerNorm
from clearprop.losses import MSE, BinaryCrossEntropy, CrossEntropy
from clearprop.model import Sequential
from clearprop.optim import LBFGS
from examples import LOSS_EXAMPLES, OPTIMIZER_EXAMPLES
from jobs import Job, outputs_for, random_job, targets_for

A, D = Activation, Dense
ARCHITECTURES: dict[str, Callable[[], list[Layer]]] = {
    "post": lambda: [D(25), A("relu"), D(50), A("relu"), D(25), A("relu"), D(2)],
    "one": lambda: [D(1)],
    "wide": lambda: [D(130), A("gelu"), D(100), A("mish"), D(10)],
    "large": lambda: [D(512), A("relu"), D(300), A("relu"), D(10)],
    "square": lambda: [D(300), A("tanh"), D(300), A("tanh"), D(5)],
    "no bias": lambda: [D(40, use_bias=False), A("silu"), D(3, use_bias=False)],
    "frozen bias": lambda: [D(17, trainable=("weight",)), A("elu"), D(3, trainable=("weight",))],
    "frozen weight": lambda: [D(17, trainable=("bias",)), A("elu"), D(3)],
    "lower frozen": lambda: [D(17, trainable=()), A("elu"), LayerNorm(trainable=()), D(9), D(3)],
    "all frozen": lambda: [D(17, trainable=()), D(3, trainable=())],
    "dropout": lambda: [D(33), A("relu"), Dropout(0.3), D(20), A("relu"), Dropout(0.1), D(3)],
    "dropout first": lambda: [Dropout(0.3), D(20), Dropout(0.0), A("tanh"), D(3)],
    "dropout last": lambda: [D(20), A("tanh"), D(3), Dropout(0.2)],
    "layer norm": lambda: [D(33), LayerNorm(), A("relu"), D(130), LayerNorm(0.1), A("relu"), D(3)],
    "layer norm first": lambda: [LayerNorm(trainable=("beta",)), D(20), A("tanh"), D(3), LayerNorm(trainable="gamma")],
    "batch norm": lambda: [D(33), BatchNorm(), A("relu"), D(17), BatchNorm(0.5, 0.1), A("gelu"), D(3)],
    "batch norm first": lambda: [BatchNorm(learning_rate_factor=2.0), D(20), A("tanh"), D(3)],
    "batch norm last": lambda: [D(20), A("tanh"), BatchNorm(trainable=()), D(3), BatchNorm(trainable=("beta",))],
    "batch norm twice": lambda: [BatchNorm(), BatchNorm(0.0), D(140), BatchNorm(), D(3)],
    "row activations": lambda: [A("softmax"), D(70), A("log_softmax"), D(9), A("softmax"), D(3)],
    "alone": lambda: [A("tanh"), A("gelu")],
    "only softmax": lambda: [A("softmax")],
    "arguments": lambda: [D(20), A("leaky_relu", slope=0.3), D(7), A(ops.elu.bind(alpha=2.0)), D(3)],
    "long": lambda: [D(65), A("softplus"), D(65), A("log_softmax"), D(65), A("selu"), A("softsign"), D(4)],
    "slow and frozen": lambda: [
        D(19, learning_rate_factor=0.5),
        A("gelu"),
        D(7, trainable=("weight",)),
        A("tanh"),
        D(3),
    ],
    "all kinds": lambda: [
        BatchNorm(),
        D(40),
        A("relu"),
        Dropout(0.2),
        LayerNorm(),
        D(24),
        BatchNorm(),
        A("tanh"),
        D(3),
    ],
}
OPTIONS: list[dict[str, Any]] = [
    {}, {}, {"l2": 0.1}, {"l1": 0.01, "l2": 0.1, "penalty_in_sum": True}, {"clip_value": 0.1}, {"clip_norm": 1.0},
    {"clip_norm": 1.0, "l1": 0.1, "clip_value": 0.5, "penalty_in_sum": True},
]  # fmt: skip
TARGETS = [avx512("x86_64-unknown-linux-gnu"), avx2("x86_64-unknown-linux-gnu"), neon("aarch64-unknown-linux-gnu")]
WIDTHS = [5, 2, 64, 1, 300, 17]
OPTIMIZERS = [*OPTIMIZER_EXAMPLES, LBFGS()]


def jobs() -> Iterator[tuple[str, Job]]:
    """Every architecture in both precisions, the other choices taking turns; then 40 random ones."""
    rng = np.random.default_rng(1)
    for turn, (name, dtype) in enumerate(itertools.product(ARCHITECTURES, ("float64", "float32"))):
        loss = LOSS_EXAMPLES[5 * turn % len(LOSS_EXAMPLES)]
        loss = loss if turn % 2 else (MSE(), CrossEntropy(), BinaryCrossEntropy())[turn // 2 % 3]
        n_in = 784 if name == "large" else WIDTHS[turn % len(WIDTHS)]
        model = Sequential([*ARCHITECTURES[name](), *outputs_for(loss)], n_in, dtype=dtype)
        loss = MSE() if loss.kind == "row" and model.n_out < 2 else loss
        X: Any = rng.normal(size=(9, n_in)).astype(dtype)
        if turn % 3 == 1:
            X = sp.csr_array(sp.random(9, n_in, 0.1, "csr", dtype, rng))
        elif turn % 6 == 5:
            X = sp.csr_array(X)
        y = targets_for(loss, rng, 9, model.n_out, labels=turn % 4 < 2)
        weights = rng.uniform(0.5, 2.0, 9) if turn % 5 == 0 else None
        optimizer = OPTIMIZERS[3 * turn % len(OPTIMIZERS)]
        yield f"{name} {dtype}", Job(model, loss, optimizer, X, y, weights, options=OPTIONS[turn % len(OPTIONS)])
    for case in range(40):
        yield f"random {case}", random_job(np.random.default_rng(1000 + case), ("float64", "float32")[case % 2])


def write_all(job: Job, target: Target) -> list[str]:
    """Has all of a job's kernels written; what is there to know beside their texts."""
    program = NativeEngine(target).compile(job.model, job.loss, job.optimizer, GradientOptions(**job.options))
    arrays = program._checked_arrays(job.X, job.y, job.weights)
    steps = not isinstance(job.optimizer, LBFGS)
    kinds = [(False, True)]  # on single samples, or of the gradient alone
    kinds += [(False, False)] if steps else []
    kinds += [(True, False)] if steps and "clip_norm" not in job.options and program.least_rows == 1 else []
    beside = []
    for samples, gradient in kinds:
        trainer = program._trainer(samples, arrays, gradient=gradient)
        beside.append(f"{trainer.phases} phases, cost {trainer.cost}, {trainer.layout.size} {trainer.layout.ld}")
    predictor = program._predictor
    assert not predictor.in_place or predictor.few
    if predictor.stages:
        prediction._predict(predictor.stages, predictor.dtype, target, False)
        prediction._predict(predictor.stages, predictor.dtype, target, True)
    return beside


def main() -> None:
    written: list[str] = []

    def note(target: Target, definitions: Any) -> Any:
        written.extend(f"{target.tiles} {d.name} {hashlib.sha256(d.text.encode()).hexdigest()}" for d in definitions)
        return defaultdict(lambda: 1)  # the address of none

    training.load = prediction.load = note  # type: ignore[assignment]
    kernels: set[str] = set()
    programs = {}
    for number, (name, job) in enumerate(jobs()):
        for target in TARGETS if number < 30 else [TARGETS[number % 3]]:
            written.clear()
            beside = write_all(job, target)
            kernels.update(written)
            programs[f"{name} on {target.tiles}"] = hashlib.sha256("\n".join([*beside, *written]).encode()).hexdigest()
    print(json.dumps({"kernels": len(kernels), "programs": programs}, indent=1))


if __name__ == "__main__":
    main()
