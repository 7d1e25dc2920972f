"""The pages' words: every language has every key, with the same values in it, and every key a page asks for exists."""

from __future__ import annotations

import json
import re

import pytest

LANGUAGES = ["de", "es", "fr", "zh"]


@pytest.fixture(scope="module")
def static(root):
    return root / "edge_bg/web/static"


def words(static, language):
    def no_twins(pairs):
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys)), f"{language}.json has a key twice"
        return dict(pairs)

    return json.loads((static / f"lang/{language}.json").read_text("utf-8"), object_pairs_hook=no_twins)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_key_is_in_every_language_with_its_values(static, language):
    english, other = words(static, "en"), words(static, language)
    assert sorted(other) == sorted(english)
    for key, text in english.items():
        assert text.strip() and other[key].strip(), key
        assert sorted(re.findall(r"\{\w+\}", other[key])) == sorted(re.findall(r"\{\w+\}", text)), key


def test_the_languages_named_are_those_there_are(static):
    named = re.search(r"LANGUAGES = \{(.*?)\}", (static / "js/words.js").read_text("utf-8"))[1]
    assert sorted(re.findall(r"(\w\w):", named)) == sorted(each.stem for each in (static / "lang").glob("*.json"))


def test_every_key_the_pages_ask_for_exists_and_none_is_left_over(static):
    english = words(static, "en")
    texts = [path.read_text("utf-8") for path in [*static.glob("*.html"), *static.glob("js/**/*.js")]]
    asked = {key for text in texts for key in re.findall(r"""(?:data-t(?:-\w+)?=|\b(?:t|say)\()"(\w+)\"""", text)}
    assert asked - set(english) == set()
    named = {key for text in texts for key in re.findall(r"""["'](\w+)["']""", text)}
    assert set(english) - named == set()
