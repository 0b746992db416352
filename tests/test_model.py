"""The model and its checkpoint: shapes, names, and a score that depends on the window alone."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

import model
from model import TinyLogBERT, load_checkpoint
from model.bert import mini_config, new_encoder, padded
from model.calibration import Calibration, Reference, Tail
from model.checkpoint import rounded, save_checkpoint
from model.encoding import WindowEncoder, add_tokens
from model.folder import BERT_FILES
from model.manifest import seal
from model.scorer import BertScorer
from stream.errors import InputError
from training.tokenizer import learn_tokenizer

RECEIVING = "dfs.DataNode$DataXceiver: Receiving block <block> src: <address> dest: <address>"
TERMINATING = "dfs.DataNode$PacketResponder: PacketResponder for block <block> terminating"
DELETING = "dfs.FSDataset: Deleting block <block> file <path>"
NEVER_SEEN = "ERROR dfs.DataNode: kernel panic while melting block <block>"
KINDS = [RECEIVING, TERMINATING, DELETING]


def small_encoder() -> WindowEncoder:
    tokenizer = learn_tokenizer(KINDS, 200)
    add_tokens(tokenizer, KINDS)
    return WindowEncoder(tokenizer, 64)


def small_model(vocabulary: int) -> TinyLogBERT:
    torch.manual_seed(3)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    return TinyLogBERT(new_encoder(mini_config(vocabulary, **sizes))).eval()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    encoder = small_encoder()
    small = small_model(encoder.tokenizer.get_vocab_size())
    rounded(small)
    reference = Reference((-3.0, -2.0), (1.0, 0.5), Tail(-2.0, 0.5, 0.5, 0.0), 0.01, 0.0, 1.0, 2)
    save_checkpoint(tmp_path, small, encoder, Calibration(reference, reference, 1e-3), "# card\n", "test")
    return tmp_path


@pytest.fixture
def scorer(folder: Path) -> BertScorer:
    return BertScorer.load(folder)


def some_windows(count: int) -> list[list[str]]:
    rng = random.Random(5)
    return [rng.choices([*KINDS, NEVER_SEEN, "x y"], k=rng.randint(1, 30)) for _ in range(count)]


# ── the published shape ──


def test_the_default_shape_is_bert_mini_with_the_published_head() -> None:
    bert = TinyLogBERT(new_encoder(mini_config(100)))
    config = bert.encoder.config
    assert (config.num_hidden_layers, config.hidden_size, config.num_attention_heads) == (4, 256, 4)
    first, between, last = bert.anomaly_head
    assert isinstance(bert.anomaly_head, nn.Sequential)
    assert (first.in_features, first.out_features) == (256, 64)
    assert isinstance(between, nn.ReLU)
    assert (last.in_features, last.out_features) == (64, 1)


def test_forward_takes_ids_and_mask_and_gives_one_score_a_window() -> None:
    ids, mask = padded([(2, 7, 3), (2, 8, 9, 3)], 6, 2)
    assert small_model(100)(ids, mask).shape == (2, 1)


def test_padding_does_not_change_a_score() -> None:
    bert = small_model(100)
    short, long = (bert(*padded([(2, 7, 8, 3)], length, 1)) for length in (4, 12))
    assert torch.allclose(short, long, atol=1e-5)


def test_the_public_names_are_these() -> None:
    assert set(model.__all__) == {"Checkpoint", "TinyLogBERT", "get_anomaly_score", "load_checkpoint"}


# ── windows as tokens ──


def tokens(encoder: WindowEncoder, texts: list[str], complete: bool = True, **how: set[str]) -> list[str]:
    return [encoder.tokenizer.id_to_token(i) or "" for i in encoder.encode(texts, complete, **how)]


def test_a_window_is_its_kinds_of_line_and_how_often_each_came() -> None:
    found = tokens(small_encoder(), [TERMINATING, RECEIVING, RECEIVING, RECEIVING])
    assert found == ["[CLS]", "[closed]", f"[x3] {RECEIVING}", f"[x1] {TERMINATING}", "[SEP]"]


def test_a_window_that_may_go_on_says_so() -> None:
    assert tokens(small_encoder(), [RECEIVING], complete=False)[1] == "[open]"


def test_an_unknown_line_is_read_as_words_and_a_known_one_can_be() -> None:
    encoder = small_encoder()
    assert "dfs" in tokens(encoder, [NEVER_SEEN])
    read = tokens(encoder, [DELETING], as_words={DELETING})[2:-1]
    assert "".join(read).replace("##", "").startswith("dfsfsdatasetdeletingblock")


def test_the_count_of_an_unknown_line_stands_behind_its_words() -> None:
    assert tokens(small_encoder(), ["new block"] * 9)[-3:] == ["block", "[x12]", "[SEP]"]


def test_a_flood_of_unknown_lines_does_not_push_known_ones_out() -> None:
    found = tokens(small_encoder(), [RECEIVING, *(f"line of words number {'a' * n}" for n in range(1, 60))])
    assert len(found) == 64
    assert f"[x1] {RECEIVING}" in found


def test_letters_of_any_script_become_tokens() -> None:
    assert len(small_encoder().encode(["Ünbekannt 例外 !!!", ""], True)) > 3


# ── scores ──


def test_a_score_depends_on_the_window_alone(folder: Path) -> None:
    windows = some_windows(200)
    complete = [n % 3 > 0 for n in range(len(windows))]
    together = BertScorer.load(folder).score(windows, complete)
    no_memo = BertScorer.load(folder, memo=False)
    one_by_one = [no_memo.score([w], [c])[0] for w, c in zip(windows, complete, strict=True)]
    backwards = BertScorer.load(folder).score(windows[::-1], complete[::-1])[::-1]
    assert together == one_by_one == backwards


def test_the_order_of_lines_does_not_matter_and_their_number_does(scorer: BertScorer) -> None:
    one, other, more = scorer.score(
        [[RECEIVING, DELETING], [DELETING, RECEIVING], [RECEIVING, RECEIVING, DELETING]], [True] * 3
    )
    assert one == other
    assert one.value != more.value


def test_evidence_names_lines_of_the_window_each_kind_once_most_surprising_first(scorer: BertScorer) -> None:
    explained = [(window, found) for window in some_windows(20) if (found := scorer.explain(window, True))]
    assert explained
    for window, found in explained:
        named = [window[surprise.line] for surprise in found]
        assert len(set(named)) == len(named)
        assert [surprise.value for surprise in found] == sorted((s.value for s in found), reverse=True)
        assert all(text in KINDS for surprise in found for text in surprise.expected)


def test_vectors_are_those_of_cls(scorer: BertScorer) -> None:
    assert scorer.vectors([[RECEIVING], [DELETING], [RECEIVING]], [True] * 3).shape == (3, 32)


# ── checkpoint ──


def test_stored_weights_are_half_precision_and_scores_stay(folder: Path) -> None:
    stored = load_file(folder / "model.safetensors")
    assert all(value.dtype == torch.float16 for value in stored.values() if value.ndim > 1)
    encoder = small_encoder()
    exact = small_model(encoder.tokenizer.get_vocab_size())
    ids = encoder.encode([RECEIVING, DELETING], True)
    loaded = load_checkpoint(folder).model
    batch = padded([ids], len(ids), 1)
    assert torch.allclose(loaded(*batch), exact(*batch), atol=1e-3)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("calibration.json", {"false_alarms": 0.01}),
        ("config.json", {"tinylogbert": {"name": "test", "max_tokens": 32}}),
    ],
)
def test_the_name_changes_with_whatever_may_change_a_score(folder: Path, name: str, change: dict[str, object]) -> None:
    before = load_checkpoint(folder).name
    assert before.startswith("test-")
    edit(folder / name, change)
    assert load_checkpoint(folder).name != before


def edit(file: Path, change: dict[str, object]) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    seal(file.parent, BERT_FILES)


def no_number(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file({**weights, "anomaly_head.2.bias": torch.tensor([float("nan")])}, folder / "model.safetensors")


def too_long(folder: Path) -> None:
    edit(folder / "config.json", {"tinylogbert": {"name": "test", "max_tokens": 100_000}})


def a_larger_tokenizer(folder: Path) -> None:
    encoder = small_encoder()
    encoder.tokenizer.add_tokens(["another"])
    encoder.tokenizer.save(str(folder / "tokenizer.json"))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (no_number, "anomaly_head.2.bias holds what is no number"),
        (too_long, "the model is too small for its tokenizer"),
        (a_larger_tokenizer, "the model is too small for its tokenizer"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(folder: Path, spoil: Callable[[Path], None], said: str) -> None:
    spoil(folder)
    seal(folder, BERT_FILES)
    with pytest.raises(InputError) as error:
        load_checkpoint(folder)
    assert str(error.value) == f"the checkpoint {folder} is damaged or of another kind: {said}"


Harm = Callable[[Path], object]
FILES = ("model.safetensors", "config.json", "tokenizer.json", "calibration.json")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (Path.unlink, "is no checkpoint: it has no {name}; train one"),
        (lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]), "is damaged"),
        (lambda file: file.write_bytes(b""), "is damaged"),
        (lambda file: file.write_bytes(b"{}"), "is damaged"),
        (lambda file: file.write_bytes(b"\x80\x04\x95" + b"x" * 100), "is damaged"),
    ],
    ids=["missing", "cut short", "empty", "another JSON", "a pickle"],
)
def test_a_damaged_checkpoint_is_refused_in_one_line(folder: Path, name: str, harm: Harm, said: str) -> None:
    harm(folder / name)
    with pytest.raises(InputError) as error:
        load_checkpoint(folder)
    assert said.format(name=name) in str(error.value)
    assert "\n" not in str(error.value)
