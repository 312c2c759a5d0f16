"""How fast is clearprop, beside NumPy, scikit-learn, PyTorch, JAX and Keras, on the same work and the same machine?

    python -m benchmarks            # everything but W6; about an hour; writes benchmarks/results/
    python -m benchmarks --quick    # a fiftieth of the work, to see that all is well
    python -m benchmarks --workloads W2 start --peers jax torch --rounds 9

The rules: `worker` says what is timed, `measure` how repetitions alternate, `peers` how each library is used.
"""
