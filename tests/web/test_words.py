"""The pages' words: every language has every key, with the same values in it, and every key a page asks for exists."""

from __future__ import annotations

import ast
import json
import re

import pytest

from edge_bg.booth import settings
from edge_bg.errors import NotNow
from edge_bg.said import say
from edge_bg.web import tongues

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


# --- what the API says -----------------------------------------------------------------------------------------

SENTENCE = re.compile(r"[A-Z][^{}]*[.?]")  # of the check and the health


@pytest.fixture(scope="module")
def literals(root):
    """Every text in the code that answers: (file, the text, whether it is said by name: the first thing in a call)."""
    found = []
    for path in [*root.glob("edge_bg/booth/*.py"), *root.glob("edge_bg/web/**/*.py")]:
        tree = ast.parse(path.read_text("utf-8"))
        papers = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
        firsts = {
            id(node.args[0]) for node in ast.walk(tree)
            if isinstance(node, ast.Call) and node.args and getattr(node.func, "id", "") in ("say", "_point", "_judged")
        }  # fmt: skip
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in papers:
                found.append((path.name, node.value, id(node) in firsts))
    return found


def test_whatever_the_api_says_on_the_pages_is_in_every_language(literals):
    said = {text for file, text, named in literals if named}
    said |= {text for file, text, _ in literals if file in ("check.py", "words.py") and SENTENCE.fullmatch(text)}
    for name, group in settings.GROUPS:
        said |= {name, *(text for each in group for text in (each.label, each.help, *each.choices))}
    assert len(said) > 100
    for language in LANGUAGES:
        known = tongues.table(language)
        assert said - set(known) == set(), language
        for english, other in known.items():
            assert other.strip() and sorted(re.findall(r"\{\w+\}", other)) == sorted(re.findall(r"\{\w+\}", english))


def test_no_translation_is_of_what_nobody_says(literals):
    said = {text for _, text, _ in literals}
    for name, group in settings.GROUPS:
        said |= {name, *(text for each in group for text in (each.label, each.help, *each.choices))}
    for language in LANGUAGES:
        assert set(tongues.table(language)) - said == set()


def test_words_within_words_are_translated_and_what_people_wrote_is_not():
    answer = {
        "points": [{"value": say("{model} on {where}", model="small", where=say("the processor"))}],
        "name": "White",
    }
    assert tongues.told(answer, "de") == {"points": [{"value": "small auf dem Prozessor"}], "name": "White"}
    assert tongues.told(answer, "sw") is answer and str(answer["points"][0]["value"]) == "small on the processor"
    refused = NotNow("the photo is not ready yet", hint="ask again in a second")
    assert tongues.error(refused, "fr") == "la photo n’est pas encore prête\n  réessayez dans une seconde"
    assert tongues.error(refused, "en") == str(refused)
    assert (
        tongues.asked("de-AT,de;q=0.9,en;q=0.8") == "de" and tongues.asked("../etc") == ".." and not tongues.table("..")
    )
