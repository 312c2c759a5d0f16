"""Rows about tapes, witnesses, batches, and a beginner's training: see `cases`."""

from cases import Case, code

N = [
    code(
        "N1",
        "a source used before its tape was open",
        "x = Tensor(3.0)\nz = x * x\nwith GradientTape() as tape:\n    y = z * tape.watch(x)\ntape.gradient(y, x)",
        "NotConnectedError",
        r"was not watched before it was used.*Call x = tape\.watch\(x\) first",
    ),
    code(
        "N1b",
        "a source that was not watched",
        "x = Tensor(3.0)\nwith GradientTape() as tape:\n    y = x * tape.watch(2.0) + x * x\n"
        "assert tape.gradient(y, x).item() == 8.0",
        "accepted",
    ),
    code(
        "N2",
        "a tensor made a number on the tape",
        "import math\nwith GradientTape() as tape:\n    math.exp(tape.watch(1.0))",
        "UnsupportedOperationError",
        r"would leave the tape that is recording; compute with np\.exp\(x\), or take x\.item\(\)",
    ),
    code(
        "N3",
        "a result written into an array",
        "a = np.zeros(3)\na += Tensor([1.0, 2.0, 3.0])",
        "UnsupportedOperationError",
        r"writes into an array, which the tape would miss; write .* a = a \+ x",
    ),
    code(
        "N3b",
        "a sum in a loop",
        "with GradientTape() as tape:\n    x, total = tape.watch(1.0), 0.0\n    for k in range(3):\n"
        "        total += (x - k) ** 2\nassert tape.gradient(total, x).item() == 0.0",
        "accepted",
    ),
    code(
        "N4",
        "a function without a derivative",
        "np.linalg.norm(Tensor([3.0, 4.0]))",
        "UnsupportedOperationError",
        r"np\.linalg\.norm has no derivative here; write np\.sqrt\(np\.sum\(np\.square\(x\)\)\)",
    ),
    code(
        "N5",
        "a complex step through np.abs",
        "report = check_gradients(lambda x: np.abs(x), [1.0, -2.0])\n"
        "assert report.passed and 'np.maximum(x, -x)' in str(report)",
        "accepted",
    ),
    code(
        "N6",
        "batches of one row, batch normalisation",
        "fit(MLP([2, 4, 1], normalization='batch'), (X, t), 'mse', epochs=1, batch_size=1)",
        "ConfigurationError",
        r"batch_size is 1, but the network trains on batches of 2 rows or more",
    ),
    code(
        "N6b",
        "one row to train on, batch normalisation",
        "fit(MLP([2, 4, 1], normalization='batch'), (X[:1], t[:1]), 'mse', epochs=1)",
        "DataError",
        r"data has 1 row to train on, and BatchNorm\(\) needs 2 at once",
    ),
    code(
        "N6c",
        "one row in a batch of one's own",
        "order = [np.arange(59), [59]]\n"
        "fit(MLP([2, 4, 1], normalization='batch'), (X, t), 'mse', epochs=1, order=order)",
        "ConfigurationError",
        r"batch 1 of the order in epoch 1 has 1 row, .*join it to another batch",
    ),
    code(
        "N6d",
        "one row left over",
        "fit(MLP([2, 4, 1], normalization='batch'), (X, t), 'mse', epochs=1, batch_size=59)",
        "accepted",
    ),
    code("N7", "whole numbers without names", "fit(network(2), Dataset(X, y), 'crossentropy', epochs=1)", "accepted"),
    code(
        "N7b",
        "whole numbers for one output",
        "fit(network(1), Dataset(X, np.arange(60) % 3), 'mse', epochs=1)",
        "DataError",
        r"y holds 3 classes .* for quantities pass floats, as y\.astype\(float\)",
    ),
    code(
        "N8",
        "a learning rate of 100",
        "fit(MLP([2, 8, 1]), (X, t), 'mse', SGD(100.0), epochs=20)",
        "DivergenceError",
        r"training diverged .*lower the learning rate",
    ),
    code(
        "N8b",
        "features of 100,000",
        "fit(MLP([2, 8, 1]), (1e5 * X, t), 'mse', SGD(), epochs=20)",
        "DivergenceError",
        r"the feature 'x\d' reaches .*: scale the features",
    ),
    code(
        "N8c",
        "features of 100,000, and nothing learnt",
        "fit(MLP([2, 8, 1]), (1e5 * X, t), 'mse', epochs=20)",
        "ClearpropWarning",
        r"after 20 epochs the loss is .* the feature 'x\d' reaches .*: scale the features",
    ),
    code(
        "N9",
        "a softmax before the loss that has one",
        "fit(MLP([2, 4, 2], output_activation='softmax'), (X, y), 'crossentropy', epochs=1)",
        "ClearpropWarning",
        r"CrossEntropy applies softmax to its outputs once more.*leave that layer out, or pass .*from_logits=False",
    ),
    code("N10", "a function as activation", "MLP([2, 4, 2], activation=np.tanh)", "accepted"),
    code(
        "N10b",
        "no activation",
        "MLP([2, 4, 2], activation=None)",
        "ConfigurationError",
        r"activation is a name, an operation, a function of an array.*for none, pass 'identity'",
    ),
    code(
        "N11",
        "an option of another library",
        "fit(network(2), (X, y), 'crossentropy', epochs=1, validation_data=(X, y))",
        "UnknownOptionError",
        r"fit and train have no option 'validation_data'; pass validation=\(X, y\)",
    ),
    code(
        "N11b",
        "an estimator's validation data by another name",
        "MLPClassifier().fit(X, y, eval_set=[(X, y)])",
        "UnknownOptionError",
        r"fit has no option 'eval_set'; pass X_val=X, y_val=y",
    ),
    Case(
        "N12",
        "a learning rate of 100 on the command line",
        command="train moons --hidden 8 --epochs 20 --optimizer sgd --learning-rate 100 --loss squared_hinge "
        "--activation relu",
        exit=5,
        message=r"training diverged .*lower the learning rate",
    ),
]
