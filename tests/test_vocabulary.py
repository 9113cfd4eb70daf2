import pytest

from feroi.vocabulary import (
    ACTION_UNITS,
    EXPRESSIONS,
    FER2013_CODES,
    REGIONS,
    TABLE_4,
    expression_named,
)


@pytest.mark.parametrize(
    ("word", "name"),
    [("Angry", "angry"), ("disgusted", "disgust"), ("FEARFUL", "fear"), ("happiness", "happy"),
     ("surprised", "surprise"), (" sad ", "sad"), ("Neutral", "neutral")],
)  # fmt: skip
def test_spellings_of_the_data_sets_are_known(word, name):
    assert expression_named(word) == name


def test_unknown_expression_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'bored'.*surprised"):
        expression_named("bored")


def test_table_4_names_known_units_and_regions():
    assert set(TABLE_4) == set(EXPRESSIONS) - {"neutral"}
    for actions in TABLE_4.values():
        assert set(actions.action_units) <= set(ACTION_UNITS)
        assert set(actions.regions) <= set(REGIONS)


def test_regions_of_table_4_follow_from_where_its_action_units_move_the_face():
    # Written down from FACS, apart from the table: the region each Action Unit moves.
    region_of = {1: "brow", 2: "brow", 4: "brow", 5: "lid", 6: "cheek", 7: "lid", 9: "nose",
                 12: "lip", 15: "lip", 16: "lip", 20: "lip", 23: "lip", 26: "jaw"}  # fmt: skip
    for actions in TABLE_4.values():
        assert {region_of[unit] for unit in actions.action_units} == set(actions.regions)


def test_fer2013_codes_are_the_challenges():
    assert FER2013_CODES[3] == "happy"
    assert FER2013_CODES[6] == "neutral"
    assert set(FER2013_CODES) == set(EXPRESSIONS)
