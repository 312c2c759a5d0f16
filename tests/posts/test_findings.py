"""What the posts' findings claim, as assertions on what was measured in this run."""

import json
import re
from functools import cache

import numpy as np
import pytest

from clearprop.posts import POSTS
from clearprop.posts.base import LANGUAGES, Post, Text, stored_measurements
from clearprop.posts.post003.findings import cosine, gradient, numeric_gradient
from clearprop.posts.post003.replay import network, posts_sigmoid, start
from recordings import replays


@cache
def found(key):
    return {finding.key: finding for finding in POSTS[key].findings(replays=replays(key))}


def numbers(key, finding):
    return found(key)[finding].numbers


@pytest.mark.parametrize("key", POSTS)
def test_every_finding_has_a_sentence_and_every_sentence_a_finding(key):
    assert list(found(key)) and set(found(key)) == set(POSTS[key].sentences)
    for finding in found(key).values():
        for language in LANGUAGES:
            text = finding.text(language)
            assert text and not re.search(r"\{\w+(:.*)?\}", text.replace("{abs}", "").replace("{p}", ""))
        assert finding.text.zh != finding.text.en


@pytest.mark.parametrize("key", POSTS)
def test_only_what_takes_long_is_not_measured_now(key):
    old = [finding.key for finding in found(key).values() if finding.measured]
    assert old == [probe.__name__ for probe in POSTS[key].long]


def test_stored_measurements_have_a_date_and_belong_to_a_probe():
    for key, stored in stored_measurements().items():
        assert set(stored) == {probe.__name__ for probe in POSTS[key].long}
        for one in stored.values():
            assert len(one["date"]) == 10 and one["numbers"]


def test_full_measures_what_is_stored_otherwise():
    calls = []

    def slow(replays):
        calls.append(1)
        return {"x": 0.5}

    post = POSTS["000"]
    made = Post(
        "000", post.title, post.claim, post.verdict, (), post.as_published, post.corrected, (),
        {"slow": Text("{x}", "{x}！")}, lambda replays, language: {}, (slow,),
    )  # fmt: skip
    assert [(one.measured, one.text.zh) for one in made.findings(full=True)] == [("", "0.5！")]
    assert calls == [1]


@pytest.mark.nightly
@pytest.mark.parametrize("key", POSTS)
def test_the_stored_measurements_are_still_true(key):
    for finding in POSTS[key].findings(full=True):
        stored = stored_measurements().get(key, {}).get(finding.key)
        if stored:
            for name, value in stored["numbers"].items():
                expected = value if isinstance(value, str) else pytest.approx(value, rel=1e-6)
                assert finding.numbers[name] == expected, (finding.key, name)


# --- 000 --------------------------------------------------------------------------------------------------------------


def test_000_biases_are_frozen_and_should_not_be():
    n = numbers("000", "frozen_biases")
    assert n["moved"] == 0.0
    assert n["updated_149"] < 0.5 * n["frozen_149"]
    assert abs(n["updated_train"] - n["frozen_train"]) < 1  # at 50 epochs hardly visible
    assert numbers("000", "gradient")["error"] < 1e-12
    assert numbers("000", "gradient")["lost"] < 1e-15 < numbers("000", "gradient")["delta"]


def test_000_stops_on_a_straight_line():
    n = numbers("000", "stops_early")
    assert n["straight"] > 99.5 and n["line_train"] >= n["train"]
    assert min(n["train_0"], n["test_0"], n["train_1"], n["test_1"]) > 97


def test_000_the_rest():
    low_high = numbers("000", "unseeded")
    assert low_high["train_mse_low"] < 0.0855 < low_high["train_mse_high"]
    assert numbers("000", "fan_out")["in_train_mse"] < numbers("000", "fan_out")["out_train_mse"]
    shuffled = numbers("000", "never_shuffled")
    assert shuffled["shuffled_train_mse_sd"] > shuffled["in_order_train_mse_sd"]
    assert numbers("000", "single_samples")["error"].startswith("ValueError: shapes (25,2) and (4,2) not aligned")
    assert "overflow" in numbers("000", "exp_overflow")["words"]
    assert numbers("000", "unknown_activation")["theirs"].startswith("TypeError")
    assert numbers("000", "unknown_activation")["ours"].startswith("UnknownNameError")
    assert numbers("000", "given_arrays")["theirs"] > 0 == numbers("000", "given_arrays")["ours"]
    assert 0 < numbers("000", "boundary_picture")["low"] < numbers("000", "boundary_picture")["high"] < 1


# --- 001 --------------------------------------------------------------------------------------------------------------


def test_001_does_not_learn_because_it_starts_saturated():
    n = numbers("001", "learns_nothing")
    assert n["as_is_low"] == n["as_is_high"] == pytest.approx(1 / 3)
    assert abs(n["at_950"] - 64 * 2 / 3) < 2
    start = numbers("001", "saturated_start")
    assert (start["z1"], start["z2"], start["z3"]) == (
        pytest.approx(7.79, abs=0.01),
        pytest.approx(5.55, abs=0.01),
        pytest.approx(2.98, abs=0.01),
    )
    assert start["slope1"] < start["slope2"] < start["slope3"] < 0.06
    assert start["warnings"] >= 1


def test_001_other_starts_learn_other_rates_do_not():
    n = numbers("001", "other_starts")
    for variant in (
        "centred",
        "normal",
        "scaled",
        "scaled_normal",
        "scaled_normal_constant",
        "one_hidden",
        "three_hidden",
    ):
        assert n[f"{variant}_median"] > 0.95, variant
    assert n["constant_high"] == pytest.approx(1 / 3)
    rates = numbers("001", "other_rates")
    assert max(rates["fast_high"], rates["slow_high"], rates["mean_high"]) < 0.7
    relu = numbers("001", "relu_dies")
    assert relu["lr2_loss"] == relu["lr4_loss"] == relu["lr5_loss"] == 1.0


def test_001_the_rest():
    assert max(numbers("001", "gradient").values()) < 1e-12
    assert numbers("001", "relu_overwrites")["after"] == "0, 0, 1"
    assert 9 < numbers("001", "sum_grows_with_batch")["ratio"] < 11
    assert 51 < numbers("001", "drawn_with_replacement")["distinct"] < 53
    random = numbers("001", "random_labels")
    assert random["labels"] == 9 and random["last"] > 5 * random["zero"]
    lines = numbers("001", "bad_lines_hidden")
    assert (lines["kept"], lines["ours"]) == (148, 147) and lines["bad"].count(";") == 2


# --- 002 --------------------------------------------------------------------------------------------------------------


def test_002_gradients_are_right_until_logits_are_large():
    assert numbers("002", "gradients")["error"] < 1e-12 and numbers("002", "gradients")["difference"] < 1e-15
    n = numbers("002", "large_logits")
    assert n["loss_100"] == n["ours_100"] == 200 and n["dz_100"] == n["ours_dz_100"] == "[1, -1]"
    assert n["loss_700"] == np.inf and n["dz_700"] == "[nan, nan]" and n["warnings_700"] >= 3
    assert n["ours_700"] == 1400 and n["ours_dz_700"] == "[1, -1]"


def test_002_overfitting_is_not_shown():
    n = numbers("002", "overfitting_not_shown")
    assert n["mlp_train_once"] == n["mlp_test_once"] == 0.85
    assert n["mlp_test"] >= n["linear_test"]
    assert n["mlp_train_long"] - n["mlp_test_long"] > 0.15 and n["linear_train_long"] - n["linear_test_long"] > 0.1


def test_002_the_rest():
    assert numbers("002", "broken_today")["failing"] == 6
    assert numbers("002", "zero_one_inverted")["wrong"] == 100
    assert numbers("002", "hidden_state")["asked"] != numbers("002", "hidden_state")["told"]
    assert numbers("002", "unused_argument")["ratio"] == pytest.approx(4)
    assert numbers("002", "remainder")["ratio"] == pytest.approx(2)
    assert numbers("002", "colours_run_the_other_way")["correlation"] < -0.5
    assert numbers("002", "prose_says_80")["printed"] == 82.5


# --- 003 --------------------------------------------------------------------------------------------------------------


def test_003_the_posts_gradient_and_the_right_one_against_the_numeric():
    n = numbers("003", "wrong_derivative")
    assert n["cosine_start"] == pytest.approx(0.976, abs=0.001)
    assert abs(n["cosine_end"]) < 0.01 and n["length_end"] > 200
    assert n["right_start"] < 1e-12 and n["right_end"] < 1e-12
    assert n["error_start"] < 1e-12 and n["error_end"] < 1e-12


def test_003_the_numeric_gradient_is_that_of_central_differences():
    model = network(start(42, 1).weights, posts_sigmoid, posts_sigmoid)
    from clearprop.posts.post003.findings import LOSS
    from clearprop.posts.post003.replay import moons

    training, _ = moons()
    numeric, w = numeric_gradient(model), model.w.copy()
    for k in range(0, len(w), 5):
        values = []
        for h in (1e-6, -1e-6):
            model.w[...] = w
            model.w[k] += h
            values.append(LOSS(training.y, model.forward(training.X)[0]))
        assert (values[0] - values[1]) / 2e-6 == pytest.approx(numeric[k], abs=1e-8)
    model.w[...] = w
    assert cosine(gradient(model), numeric) < 0.98


def test_003_the_plateau_comes_from_the_hidden_layers():
    n = numbers("003", "which_half")
    assert n["both_loss"] == pytest.approx(0.4460, abs=5e-5) and n["hidden_loss"] == pytest.approx(0.4110, abs=5e-5)
    assert n["output_loss"] == pytest.approx(0.1384, abs=5e-5) and n["none_loss"] == pytest.approx(0.2824, abs=5e-5)
    longer = numbers("003", "not_a_local_optimum")
    assert longer["wrong_400"] > 0.4 > 0.1 > longer["right_400"]
    seeds = numbers("003", "other_seeds")
    assert seeds["wrong_loss_low"] > seeds["right_loss_high"]
    weights = numbers("003", "weights_run_away")
    assert weights["after"] > 100 > weights["corrected"] and weights["distinct"] < 50


def test_003_the_rest():
    n = numbers("003", "output_explodes")
    assert n["at_99"] == pytest.approx(19.75, abs=0.01) and n["near_1"] > 1e11 and n["at_1"] == np.inf
    assert n["ours"] == pytest.approx(40) and n["ours_dz"] == pytest.approx(1)
    assert numbers("003", "second_listing_fails")["error"].startswith(
        "ValueError: shapes (400,1) and (4,1) not aligned"
    )
    assert numbers("003", "globals_only")["distinct"] == 1
    assert numbers("003", "prints_in_the_loop")["lines"] == 160_400
    learn = numbers("003", "not_comparable")
    assert (learn["one_train"], learn["one_test"], learn["two_train"], learn["two_test"]) == (
        0.8425,
        0.85,
        0.5175,
        0.43,
    )
    assert learn["line_train"] > learn["manual_train"]
    assert numbers("003", "mse_unused")["wrong"] > numbers("003", "mse_unused")["right"]


# --- 004 --------------------------------------------------------------------------------------------------------------


def test_004_the_plateau_lasts_longer_with_frozen_biases_and_its_end_is_not_shown():
    n = numbers("004", "frozen_biases")
    assert n["moved"] == 0.0
    assert (n["frozen_05"], n["updated_05"], n["frozen_03"], n["updated_03"]) == (673, 257, 818, 292)
    shown = numbers("004", "curves_end_at_100")
    assert shown["mse_100"] > 0.09 and shown["mse_1000"] < 0.03 and shown["straight"] > 99.5
    assert shown["line_test"] >= shown["test_100"]


def test_004_the_rest():
    assert numbers("004", "gradient")["error"] < 1e-12
    assert numbers("004", "relu_at_zero") == {"section_1": 1.0, "layer": 0.0, "library": 0.0}
    assert numbers("004", "leaky_relu_of_integers") == {"theirs": 0.0, "ours": 0.1}
    assert numbers("004", "unknown_activation")["theirs"] != 1.0
    assert numbers("004", "pictures_broken")["gca"] == "TypeError"
    assert numbers("004", "value_of_the_step_before")["printed"] > numbers("004", "value_of_the_step_before")["true"]
    assert numbers("004", "one_epoch_more")["epochs"] == 1001
    n = numbers("004", "single_precision")
    assert n["gap"] < 9e-7 and [n[f"first_{k}"] for k in range(4)] == [14, 58, 55, 31]
    assert n["saddle"] == pytest.approx(0.017, abs=5e-4) and n["step"] == 2


def test_findings_can_be_written_as_json():
    from clearprop.posts.report import _plain

    for key in POSTS:
        for finding in found(key).values():
            json.dumps(_plain(finding.numbers), allow_nan=False)
