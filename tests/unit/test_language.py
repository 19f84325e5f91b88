import ast
import string
from pathlib import Path

import pytest

import callctl
from callctl.language import SENTENCES, from_environment, say
from callctl.model import Message

ROOT = Path(callctl.__file__).parent
KEY_AT = {"passed": 1, "skipped": 1, "failed": 2, "Message": 0}


TREES = [
    (file, ast.parse(file.read_text(encoding="utf-8"))) for file in ROOT.rglob("*.py") if file.name != "language.py"
]
CONSTANTS = {node.value for _, tree in TREES for node in ast.walk(tree) if isinstance(node, ast.Constant)}


def keys_of(node):
    """The keys that an expression may be: a constant, or one of two."""
    if isinstance(node, ast.Constant):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return keys_of(node.body) + keys_of(node.orelse)
    return []


def steps_in_the_code():
    """Each sentence that the code asks for by its key, with the names of the values it gives."""
    for file, tree in TREES:
        for node in ast.walk(tree):
            name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
            if name in KEY_AT and name in words_of_decisions(tree):
                place = KEY_AT[name]
                for key in keys_of(node.args[place]) if len(node.args) > place else []:
                    yield f"{file.name}:{node.lineno}", key, given(node, place)


def words_of_decisions(tree):
    """What a module imports from where they are: other modules have words of the same names."""
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "callctl.model")
    return {each.name for node in imports for each in node.names}


def given(call, place):
    """The names of the values: keywords, or the keys of a dict behind the sentence."""
    behind = [key.value for each in call.args[place + 1 :] if isinstance(each, ast.Dict) for key in each.keys]
    return {word.arg for word in call.keywords if word.arg} | set(behind)


STEPS = list(steps_in_the_code())


def placeholders(sentence):
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def test_steps_are_found():
    assert len(STEPS) > 25
    assert {"identify.edge", "locate.found", "locate.found_some", "controller.full"} <= {key for _, key, _ in STEPS}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step[1])
def test_a_step_has_a_sentence_and_gives_every_value_it_asks_for(step):
    where, key, given = step
    assert key in SENTENCES, f"{where} asks for a sentence that is not there"
    for sentence in SENTENCES[key]:
        assert placeholders(sentence) <= given, where
        assert sentence.format_map(dict.fromkeys(given, "X"))


@pytest.mark.parametrize("key", SENTENCES)
def test_a_sentence_is_used_and_says_the_same_in_both_languages(key):
    assert key in CONSTANTS
    english, chinese = SENTENCES[key]
    assert placeholders(english) == placeholders(chinese)
    assert english.isascii()
    assert not chinese.isascii()


def test_lists_are_joined_and_nothing_is_said_of_empty_ones():
    values = {"offered": ("A", "B"), "allowed": [], "common": ()}
    assert say(Message("codecs.common", values), "en") == "caller offers A, B; allowed nothing; used nothing"
    assert say(Message("codecs.common", values), "zh") == "主叫提供 A, B；允许 无；使用 无"


def test_braces_in_a_value_are_text():
    assert say(Message("account.active", {"account": "{0} {x}"}), "en") == "account {0} {x} is active"


@pytest.mark.parametrize(
    ("environment", "lang"),
    [
        ({}, "en"), ({"LANG": "zh_CN.UTF-8"}, "zh"), ({"LANG": "C"}, "en"), ({"LANG": "ZH"}, "zh"),
        ({"LANG": "zh_CN", "LC_MESSAGES": "en_GB"}, "en"), ({"LC_ALL": "zh_TW", "LC_MESSAGES": "en"}, "zh"),
        ({"LC_ALL": "", "LANG": "zh"}, "zh"), ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)  # fmt: skip
def test_the_language_is_the_environments(monkeypatch, environment, lang):
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert from_environment() == lang
