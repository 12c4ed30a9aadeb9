"""Tables of trials: which column says what, how answers are coded, and what is refused."""

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import memfeat as mf
from memfeat.errors import ArgumentError, KindError, MissingFileError, UnknownNameError
from memfeat.scores.trials import CODES, FOUND, SHOWN, read


def table(**columns):
    """Two participants, two images, each once as target and once as foil."""
    plain = {
        "image": ["b.png", "a.png", "a.png", "b.png"],
        "participant": [2, 2, 10, 10],
        "truth": [1, 0, 1, 0],
        "response": [1, 1, 0, 0],
    }
    return pd.DataFrame(plain | columns)


def test_trials_are_numbered_by_the_names_of_images_and_participants():
    found = read(table(), {})
    assert found.images.tolist() == ["a.png", "b.png"]
    assert found.image.tolist() == [1, 0, 0, 1]
    assert found.participants.tolist() == ["10", "2"]  # as text
    assert found.participant.tolist() == [1, 1, 0, 0]
    assert found.old.tolist() == [True, False, True, False]
    assert found.said_old.tolist() == [True, True, False, False]
    assert (found.lag, found.confidence) == (None, None)
    assert found.recorded == {
        "truth": "column 'truth': 1 = old; 0 = new",
        "response": "column 'response': 1 = old; 0 = new",
        "image_column": "image",
        "participant_column": "participant",
        "n_trials": 4,
        "n_without_response": 0,
        "n_participants": 2,
    }


@pytest.mark.parametrize(
    ("yes", "no"),
    [
        ("yes", "no"),
        ("Y", "n"),
        (1, 0),
        (1.0, 0.0),
        (True, False),
        ("TRUE", "False"),
        ("old", "New"),
        ("1", "0"),
        ("1.0", "0.0"),
    ],
)
def test_every_coding_means_the_same(yes, no):
    coded = [yes, yes, no, no]
    found = read(table(response=coded, truth=[yes, no, yes, no]), {})
    assert found.said_old.tolist() == [True, True, False, False]
    assert found.old.tolist() == [True, False, True, False]


def test_what_was_shown_may_be_called_target_and_foil():
    found = read(table(truth=["Target", "foil", "target", "lure"]), {})
    assert found.old.tolist() == [True, False, True, False]
    assert found.recorded["truth"] == "column 'truth': Target, target = old; foil, lure = new"


def test_a_code_means_old_or_new_whatever_its_case():
    assert {word.lower() for word in SHOWN} == set(SHOWN)
    assert sum(CODES.values()) == len(CODES) / 2


@pytest.mark.parametrize("name", ["old", "target", "correct"])
def test_some_names_say_nothing_by_themselves(name):
    assert all(name not in names for names in FOUND.values())
    with pytest.raises(ArgumentError, match=r"one column that says what was shown \(old or new\).*Say which: truth="):
        read(table().rename(columns={"truth": name}), {})
    with pytest.raises(ArgumentError, match="one column that says what was answered.*Say which: response="):
        read(table().rename(columns={"response": name}), {})


def test_columns_are_found_by_their_names_without_case_or_as_they_are_named():
    other = table().rename(
        columns={"image": "Stimulus", "participant": "Subject_ID", "truth": "was", "response": "key"}
    )
    found = read(other, {"truth": "was", "response": "key"})
    plain = read(table(), {})
    for one, two in zip(found[:6], plain[:6], strict=True):
        np.testing.assert_array_equal(one, two)
    with pytest.raises(ArgumentError, match="only one column that names the participant.*participant='participant'"):
        read(table(subject=1), {})
    assert read(table(subject=[1, 2, 3, 4]), {"participant": "subject"}).participants.tolist() == ["1", "2", "3", "4"]


def test_participants_may_be_unknown():
    found = read(table().drop(columns="participant"), {})
    assert found.participants.tolist() == []
    assert found.participant.tolist() == [-1] * 4
    assert "n_participants" not in found.recorded
    with pytest.raises(ArgumentError, match="one column that names the participant"):
        read(table().drop(columns="participant"), {}, needs=("response", "participant"))


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_a_file_is_read_without_loss(tmp_path, ending):
    rows = "image;participant;truth;response\n0002;01;yes;no\n0002;1;no;\nNA;1;yes;yes\n"
    file = tmp_path / f"trials{ending}"
    file.write_bytes(gzip.compress(rows.encode()) if ending.endswith("gz") else rows.encode())
    found = read(file, {})
    assert found.images.tolist() == ["0002", "NA"]
    assert found.participants.tolist() == ["01", "1"]
    assert found.recorded["n_without_response"] == 1


@pytest.mark.parametrize("missing", [None, np.nan, ""])
def test_trials_without_an_answer_are_left_out_and_counted(missing):
    given = table(response=[1, missing, 0, 0])
    before = given.copy()
    found = read(given, {})
    assert found.image.tolist() == [1, 0, 1]
    assert found.recorded["n_without_response"] == 1
    assert found.recorded["n_trials"] == 3
    pd.testing.assert_frame_equal(given, before)
    alone = read(table(image=["b", "c", "a", "b"], response=[1, missing, 0, 0]), {})
    assert alone.images.tolist() == ["a", "b"]  # nobody has answered to c
    with pytest.raises(ArgumentError, match="response must be there in one trial at least; got none"):
        read(table(response=[missing] * 4), {})


def test_lags_and_confidence_are_read_when_they_are_asked_for():
    given = table(lag=[3, np.nan, 7, -1], confidence=[1, 2, 3, 4])
    assert read(given, {}).lag is None
    found = read(given, {"confidence": "confidence"}, needs=("response", "lag"))
    np.testing.assert_array_equal(found.lag, [3, np.nan, 7, np.nan])
    assert found.confidence.tolist() == [1, 2, 3, 4]
    assert found.recorded["lag_column"] == "lag"


@pytest.mark.parametrize("bad", [0, -4, np.nan, np.inf])
def test_a_target_has_a_lag_above_0(bad):
    with pytest.raises(ArgumentError, match=r"lag must be above 0 for every target; got 1 trials with 1: .*drop them"):
        read(table(lag=[3, 5, bad, 5]), {"lag": "lag"})
    with pytest.raises(ArgumentError, match=r"confidence must be there in every trial that has an answer|must hold"):
        read(table(confidence=[1, np.nan, 2, 2]), {"confidence": "confidence"})
    with pytest.raises(ArgumentError, match="lag must hold numbers"):
        read(table(lag=["short", "", "", ""]), {"lag": "lag"})


def test_a_second_answer_to_the_same_image_is_refused_unless_a_lag_tells_it_apart():
    twice = pd.concat([table(), table().iloc[[2]].assign(response=1)], ignore_index=True)
    message = (
        r"trials must ask each participant once about an image; got 1 further rows, first image 'a.png', "
        r"participant '10', truth '1' in row 5. Drop copies with trials.drop_duplicates\(\['image', 'participant', 't"
    )
    with pytest.raises(ArgumentError, match=message):
        read(twice, {})
    assert len(read(twice.assign(lag=[10, 10, 20, 10, 40]), {}).image) == 5
    assert len(read(twice.assign(wait=[10, 10, 20, 10, 40]), {"lag": "wait"}).image) == 5
    with pytest.raises(ArgumentError, match="once about an image.*lag '20'"):
        read(twice.assign(lag=20), {})


def test_bad_tables_are_refused_with_the_remedy(tmp_path):
    with pytest.raises(KindError, match=r"trials must be a pandas DataFrame or the path of a CSV; got list"):
        read([1, 2], {})
    with pytest.raises(MissingFileError, match="exists"):
        read(tmp_path / "absent.csv", {})
    with pytest.raises(ArgumentError, match="hold at least one trial; got no rows"):
        read(table().iloc[:0], {})
    with pytest.raises(ArgumentError, match=r"each column once; got 1: 'truth'"):
        read(pd.concat([table(), table()[["truth"]]], axis=1), {})
    with pytest.raises(UnknownNameError, match="truth must be a known name; got 'is_old'.*The table has: image, "):
        read(table(), {"truth": "is_old"})
    with pytest.raises(UnknownNameError, match="option must be a known name; got 'images'. Did you mean 'image'"):
        read(table(), {"images": "image"})
    with pytest.raises(ArgumentError, match="truth and response must be different columns; got column 'truth'"):
        read(table(), {"response": "truth"})
    with pytest.raises(ArgumentError, match=r"response must be coded by 1, true, .*; got values 1: '2'. Recode it, as"):
        read(table(response=[1, 0, 2, 2]), {})
    with pytest.raises(ArgumentError, match=r"truth must be coded by .*target / .*lure; got values 2: 'hit', 'miss'"):
        read(table(truth=["hit", "miss", 1, 0]), {})
    for name, empty in [("truth", None), ("image", ""), ("participant", np.nan)]:
        bad = table().astype(object)
        bad.loc[1, name] = empty
        with pytest.raises(ArgumentError, match=f"{name} must be there in every trial; got 1 without one .* in row 2"):
            read(bad, {})


def test_the_columns_that_can_be_named_are_those_that_are_looked_for():
    assert set(mf.scores.TrialColumns.__annotations__) == set(FOUND)


@settings(deadline=None, max_examples=20)
@given(st.permutations(range(4)))
def test_the_order_of_rows_changes_only_the_order_of_trials(order):
    found, plain = read(table().iloc[order], {}), read(table(), {})
    assert found.images.tolist() == plain.images.tolist()
    assert found.participants.tolist() == plain.participants.tolist()
    for name in ("image", "participant", "old", "said_old"):
        assert getattr(found, name).tolist() == getattr(plain, name)[order].tolist()


@pytest.mark.parametrize(
    ("answers", "recoding"),
    [
        ([1, 2, 2, 1], {1: "old", 2: "new"}),
        ([1, 0, -1, -1], {1: "old", 0: "new", -1: np.nan}),
        (["F", "T", "T", "F"], {"F": "old", "T": "new"}),
        (["miss", "hit", "", "hit"], {"miss": "old", "hit": "new"}),
    ],
)
def test_the_recoding_that_is_proposed_says_what_every_value_means(answers, recoding):
    trials = table(response=answers)
    with pytest.raises(ArgumentError, match=r"Recode it, .*, or the other way round; np\.nan is no answer") as said:
        read(trials, {})
    call = str(said.value).partition("as in ")[2].partition(", or the other")[0]
    trials["response"] = eval(call, {"trials": trials, "np": np})  # as a user would do
    found = read(trials, {})
    meant = [recoding.get(answer) for answer in answers if isinstance(recoding.get(answer), str)]
    assert found.said_old.tolist() == [one == "old" for one in meant]


@pytest.mark.parametrize("unit", ["timedelta64[s]", "datetime64[s]", object])
def test_times_are_no_lags(unit):
    times = pd.Series(np.array([10, 20, 30, 40], dtype="timedelta64[s]" if unit is object else unit)).astype(unit)
    with pytest.raises(ArgumentError, match=r"lag must hold numbers; got times, dtype .*\.dt\.total_seconds\(\)"):
        read(table(lag=times), {"lag": "lag"})


@pytest.mark.parametrize("index", [["image"], ["image", "participant"]])
def test_an_index_that_holds_a_column_is_told_to_become_one(index):
    with pytest.raises(ArgumentError, match=r"got an index '(image|participant)'. Make it one: trials.reset_index\(\)"):
        read(table().set_index(index), {"participant": "participant"} if len(index) == 1 else {})


@pytest.mark.parametrize(
    ("function", "wrong", "right"),
    [
        (mf.scores.from_trials, "correct", "correction"),
        (mf.scores.from_trials, "intervals", "interval"),
        (mf.scores.split_half, "nsplits", "n_splits"),
        (mf.scores.halves, "measure", "measures"),
        (mf.scores.lag_corrected, "reference", "reference_lag"),
        (mf.scores.to_long, "memorabilty", "memorability"),
    ],
)
def test_a_misspelt_option_is_told_the_functions_own_arguments(function, wrong, right):
    with pytest.raises(UnknownNameError, match=f"got '{wrong}'. Did you mean .*'{right}'.* There are image, .*{right}"):
        function(table(), **{wrong: 1})
