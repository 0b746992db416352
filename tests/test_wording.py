"""Readings of lines for the head: what is reworded stays, what is unknown is harmless or speaks of trouble."""

import numpy as np
import pytest

from model.encoding import WindowEncoder, add_tokens
from stream.lines import words
from training.bags import Floats, matrix
from training.samples import Sampler, told
from training.teacher import Lesson
from training.tokenizer import learn_tokenizer
from training.wording import Wording
from training.wordlist import EVERYDAY, is_troubled

KINDS = [
    "dfs.DataNode$DataXceiver: Receiving block <block> src: <address> dest: <address>",
    "WARN dfs.DataNode$DataXceiver: <address>:Got exception while serving <block> to <address>",
    "dfs.DataBlockScanner: Verification succeeded for <block>",
]
DRAWS = 300


def wording(seed: int = 0) -> Wording:
    return Wording(KINDS, np.random.default_rng(seed))


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_a_reworded_line_keeps_most_of_its_words_and_all_that_speak_of_trouble(kind: int) -> None:
    line = words(KINDS[kind]).split()
    said = wording()
    drawn = [said.reworded(kind).split() for _ in range(DRAWS)]
    for other in drawn:
        assert len(set(line) & set(other)) >= 0.5 * len(set(line))
        assert {word for word in other if is_troubled(word)} == {word for word in line if is_troubled(word)}
    assert len({" ".join(other) for other in drawn}) > DRAWS / 3


def test_a_harmless_line_says_nothing_of_trouble_and_a_troubled_one_does() -> None:
    said = wording()
    for _ in range(DRAWS):
        assert not any(map(is_troubled, said.harmless().split()))
        assert any(map(is_troubled, said.troubled().split()))
    assert any(len(set(said.troubled().split()) & set(words(KINDS[0]).split())) > 3 for _ in range(DRAWS))  # so near


def test_the_same_seed_says_the_same() -> None:
    first, second = wording(3), wording(3)
    assert [first.harmless() for _ in range(9)] == [second.harmless() for _ in range(9)]
    assert [first.troubled() for _ in range(9)] == [second.troubled() for _ in range(9)]


def test_no_word_of_everyday_work_speaks_of_trouble() -> None:
    assert not [word for word in EVERYDAY if is_troubled(word)]


class Unknown:
    """A teacher that counts lines of unknown kinds."""

    def lesson(self, counts: Floats) -> Lesson:
        return Lesson(np.asarray(counts[:, -1]), counts)


def test_windows_are_taught_what_their_unknown_lines_say() -> None:
    tokenizer = learn_tokenizer(KINDS, 1024)
    add_tokens(tokenizer, KINDS)
    encoder = WindowEncoder(tokenizer)
    known = (KINDS[0], 3)
    counts = matrix([(known,), (known, ("?", 4))], KINDS)
    sampler = Sampler(counts, np.ones(2), KINDS, True, encoder, Unknown(), np.random.default_rng(0))
    ids, (targets, _) = sampler.draw(400)
    trouble = {encoder.tokenizer.token_to_id(word) for word in ("corrupt", "failed", "denied", "timeout", "fatal")}
    said = np.array([bool(trouble & set(each)) for each in ids])
    assert said.any()
    assert (targets[said] >= 1).all()
    assert ((targets < 0.1) | (targets >= 1)).all()
    assert (targets == 0).any()
    assert ((targets > 0) & (targets < 0.1)).any()


def test_what_is_taught_of_a_count_is_what_its_token_tells() -> None:
    counts = np.array([[0, 1, 8, 0.02], [9, 12, 13, 33], [45, 57, 128, 1000]])
    assert told(counts, np.zeros(4)).tolist() == [[0, 1, 8, 0.02], [12, 12, 16, 64], [64, 64, 128, 1000]]
    assert told(counts, np.full(4, 50)).tolist() == [[0, 1, 8, 0.02], [9, 12, 13, 33], [45, 64, 128, 1000]]


def test_the_later_the_more_windows_are_real_ones() -> None:
    tokenizer = learn_tokenizer(KINDS, 1024)
    add_tokens(tokenizer, KINDS)
    counts = matrix([((KINDS[0], 3), (KINDS[1], 2)), ((KINDS[0], 3), (KINDS[2], 1))], KINDS)
    real = {tuple(row) for row in counts.tolist()}
    sampler = Sampler(counts, np.ones(2), KINDS, True, WindowEncoder(tokenizer), Unknown(), np.random.default_rng(0))
    begin, end = (
        np.mean([tuple(row) in real for row in sampler.draw(400, over)[1].misfits.tolist()]) for over in (0, 0.99)
    )
    assert 0.1 < begin < 0.45  # some that are composed of real ones are real, too
    assert end > begin + 0.2


def test_where_all_windows_are_healthy_a_line_that_none_of_them_has_is_unknown_whatever_it_says() -> None:
    tokenizer = learn_tokenizer(KINDS, 1024)
    add_tokens(tokenizer, KINDS)
    encoder = WindowEncoder(tokenizer)
    counts = matrix([((KINDS[0], 3),), ((KINDS[1], 2), (KINDS[2], 1))], KINDS)
    sampler = Sampler(counts, np.ones(2), KINDS, True, encoder, Unknown(), np.random.default_rng(0), healthy=True)
    ids, (targets, _) = sampler.draw(400)
    assert ((targets == 0) | (targets >= 1)).all()
    as_tokens = {token for tokens in encoder.lines.values() for token in tokens} | set(encoder.encode([], True))
    reworded = [bool(set(each) - as_tokens) for each in ids]
    assert any(target == 0 for target, other in zip(targets, reworded, strict=True) if other)


@pytest.mark.parametrize("healthy", [True, False])
def test_harmless_lines_in_the_place_of_a_known_one_are_that_line_unless_all_windows_are_healthy(healthy: bool) -> None:
    tokenizer = learn_tokenizer(KINDS, 1024)
    add_tokens(tokenizer, KINDS)
    encoder = WindowEncoder(tokenizer)
    row = matrix([((KINDS[0], 3),)], KINDS)
    sampler = Sampler(row, np.ones(1), KINDS, True, encoder, Unknown(), np.random.default_rng(2), healthy)
    as_it_is = [ids for ids, meaning in map(sampler.read, [row[0]] * 5 * DRAWS) if (meaning == row[0]).all()]
    said = [
        tokenizer.decode(ids, skip_special_tokens=False)
        for ids in as_it_is
        if ids != encoder.encode(3 * KINDS[:1], True)
    ]
    line = set(words(KINDS[0]).split())
    anew = [text for text in said if len(line & set(text.split())) < len(line) / 2]
    assert (len(anew) > len(said) / 20) is not healthy
    assert all("[x3]" in text for text in anew)


@pytest.mark.parametrize("healthy", [True, False])
def test_a_line_like_a_known_one_that_comes_beside_it_is_more_of_it_where_all_windows_are_healthy(
    healthy: bool,
) -> None:
    tokenizer = learn_tokenizer(KINDS, 1024)
    add_tokens(tokenizer, KINDS)
    encoder = WindowEncoder(tokenizer)
    counts = matrix([((KINDS[0], 3),)], KINDS)
    sampler = Sampler(counts, np.ones(1), KINDS, True, encoder, Unknown(), np.random.default_rng(2), healthy)
    more = [(ids, meaning[0]) for ids, meaning in map(sampler.read, [counts[0]] * DRAWS) if meaning[0] > 3]
    assert {count for _, count in more} == ({4, 5, 6} if healthy else set())
    assert all(
        len(ids) > len(encoder.encode([KINDS[0]], True)) for ids, _ in more
    )  # words stand beside the line's token


def test_a_kind_that_is_ruined_counts_as_unknown_lines_and_no_more_as_itself() -> None:
    tokenizer = learn_tokenizer(KINDS, 1024)
    add_tokens(tokenizer, KINDS)
    counts = matrix([((KINDS[0], 3), (KINDS[2], 2))], KINDS)
    encoder = WindowEncoder(tokenizer)
    sampler = Sampler(counts, np.ones(1), KINDS, True, encoder, Unknown(), np.random.default_rng(1))
    meanings = [sampler.read(counts[0])[1] for _ in range(DRAWS)]
    assert any(meaning[0] == 0 and meaning[-1] >= 3 for meaning in meanings)
    assert all((meaning[:-1] <= counts[0][:-1]).all() for meaning in meanings)
