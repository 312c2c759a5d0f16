"""Every number that the posts print, one by one, and what each post's options can do."""

import numpy as np
import pytest

from clearprop.posts import POSTS, Printed
from clearprop.posts.post000.replay import layer, network, replay
from clearprop.posts.post001.replay import as_published as iris_run
from clearprop.posts.post001.replay import iris_text, read_iris
from recordings import replays

PRINTED = [(key, one) for key, post in POSTS.items() for one in post.published if one.text]


def run(key):
    return replays(key).published


@pytest.mark.parametrize(("key", "one"), PRINTED, ids=[f"{key}: {one.name}" for key, one in PRINTED])
def test_a_printed_number(key, one):
    ours = run(key).numbers[one.name]
    assert one.agrees(ours) or not one.binding, f"the post prints {one.text}, here it is {one.show(ours)}"


def test_how_many_numbers_are_printed_and_met():
    met = {key: [0, 0] for key in POSTS}
    for key, one in PRINTED:
        met[key][0] += 1
        met[key][1] += bool(one.agrees(run(key).numbers[one.name]))
    assert met == {"000": [9, 7], "002": [55, 55], "003": [1, 1], "004": [10, 10], "001": [0, 0]}


def test_only_an_unseeded_number_may_differ():
    assert [one.name for _, one in PRINTED if not one.binding] == ["epoch 0, train MSE", "epoch 0, train accuracy"]


def test_a_printed_number_is_compared_in_its_own_digits():
    number = Printed("loss", "0.4437")
    assert number.agrees(0.44369) and not number.agrees(0.44364)
    assert not number.wrong(0.44369) and number.wrong(0.44364)
    assert number.wrong(float("nan"))
    whole = Printed("loss", "0.44369925927417986")  # all of a float64: its neighbour is a matter of rounding
    assert not whole.agrees(0.4436992592741798) and not whole.wrong(0.4436992592741798)
    assert whole.wrong(0.44369925927)
    assert Printed("loss").agrees(0.5) is None and not Printed("loss").wrong(0.5)


def test_the_constant_answer_of_post_000s_first_line():
    data = replay(0, epochs=1)
    assert round(100 * np.mean(data.training.y == 0), 2) == 49.29


@pytest.mark.parametrize("activation", [None, "relu", "sigmoid", "tanh"])
def test_post_000_has_all_activations_and_none(activation):
    done = replay(0, epochs=2, activation=activation, learning_rate=0.01)
    assert np.isfinite(done.history["train MSE"]).all()
    assert done.history["train MSE"][1] < done.history["train MSE"][0]


def test_given_weights_and_bias_are_used_and_copied():
    random = np.random.RandomState(0)
    weights, bias = np.full((2, 3), 0.5), np.full(3, 0.25)
    model = network([layer(2, 3, "tanh", weights, bias, random=random)])
    np.testing.assert_array_equal(model.parameters()["0.weight"], weights)
    np.testing.assert_array_equal(model.parameters()["0.bias"], bias)
    model.w += 1.0
    assert weights.max() == 0.5 and bias.max() == 0.25
    assert random.rand() == np.random.RandomState(0).rand()  # nothing was drawn


def test_drawn_weights_are_numpys_own_stream():
    np.random.seed(3)  # noqa: NPY002 - what the post does
    weights, bias = np.random.randn(2, 25) * np.sqrt(1 / 25), np.random.rand(25) * 0.1  # noqa: NPY002
    drawn = layer(2, 25, random=np.random.RandomState(3))
    np.testing.assert_array_equal(drawn.weights, weights)
    np.testing.assert_array_equal(drawn.bias, bias)


def test_the_global_generator_is_left_alone():
    np.random.seed(5)  # noqa: NPY002
    replay(0, epochs=1), iris_run(0, iterations=50)
    after = np.random.rand()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    assert after == np.random.rand()  # noqa: NPY002


@pytest.mark.parametrize("hidden", [(12,), (12, 6), (12, 8, 6), (10, 8, 6, 5)])
def test_post_001_takes_any_number_of_hidden_layers(hidden):
    done = iris_run(0, hidden=hidden, iterations=100)
    assert len(done.model.layers) == 2 * (len(hidden) + 1) and len(done.history["batch loss"]) == 100


def test_the_text_file_of_post_001():
    data, bad = read_iris(iris_text().splitlines())
    assert len(data) == 150 and not bad
    lines = [
        "5.1,3.5,1.4,0.2,Iris-setosa",
        "",
        "5.1,3.5,1.4,Iris-setosa",
        "a,b,c,d,Iris-setosa",
        "1,2,3,4,rose",
        "1,2,3,inf,Iris-setosa",
    ]
    data, bad = read_iris(lines)
    assert len(data) == 1
    assert [line.number for line in bad] == [3, 4, 5, 6]
    assert bad[0].reason == "it has 3 numbers, not 4"
    assert bad[1].reason == "'a' is not a number"
    assert bad[2].reason.startswith("'rose' is none of setosa")
