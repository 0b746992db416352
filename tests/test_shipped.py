"""The shipped checkpoint: small, cited, and of use on logs that it was not trained on."""

from pathlib import Path

import pytest

from model import get_anomaly_score, load_checkpoint
from model.folder import SIMPLE, beside, shipped_checkpoint
from model.scorer import BertScorer
from model.scorers import scorer_of
from stream.files import read_lines
from stream.labels import read_labels
from stream.simulator import simulate
from stream.windows.files import windows_of
from training.evaluate import evaluate_scores

RECEIVING = (
    "081109 203518 143 INFO dfs.DataNode$DataXceiver: Receiving block blk_-1608999687919862906 "
    "src: /10.250.19.102:54106 dest: /10.250.19.102:50010"
)


@pytest.fixture(scope="module")
def scorer() -> BertScorer:
    return BertScorer.load()


def test_it_is_at_most_eight_megabytes_and_its_card_cites_the_data() -> None:
    assert sum(file.stat().st_size for file in shipped_checkpoint().rglob("*")) <= 8_000_000
    card = (shipped_checkpoint() / "README.md").read_text()
    assert "SOSP 2009" in card
    assert "Loghub" in card
    assert "tinylogbert train hdfs-1pct.log.gz" in card


def test_it_has_the_published_shape() -> None:
    config = load_checkpoint().model.encoder.config
    assert (config.num_hidden_layers, config.hidden_size, config.num_attention_heads) == (4, 256, 4)


@pytest.mark.parametrize("name", SIMPLE)
def test_simple_detectors_that_were_fitted_on_the_same_lines_lie_beside_it(name: str) -> None:
    assert beside(shipped_checkpoint())[name].name == name
    scorer, ours = scorer_of(None, scorer=name), load_checkpoint().calibration
    assert scorer.checkpoint.startswith(f"hdfs-{name}-")
    assert scorer.false_alarms == pytest.approx(ours.false_alarms)
    data, card = (
        (folder / "README.md").read_text() for folder in (shipped_checkpoint(), beside(shipped_checkpoint())[name])
    )
    lines = "111,495 lines from 2008-11-09 20:35:30 to 2008-11-11 11:12:00: 5,767 windows"
    assert lines in data
    assert lines in card
    assert "SOSP 2009" in card


def test_failures_of_a_simulated_cluster_score_above_its_healthy_blocks(scorer: BertScorer) -> None:
    simulation = simulate(1000, anomaly_rate=0.05, seed=11)
    failed = {label.block_id: label.anomalous for label in simulation.labels()}
    windows = list(windows_of(simulation.lines()))
    scores = scorer.score([window.texts for window in windows], [True] * len(windows))
    labels = [failed[window.block_id] for window in windows]
    assert evaluate_scores([score.value for score in scores], labels) > 0.98
    false = sum(score.anomalous and not label for score, label in zip(scores, labels, strict=True))
    assert false <= 0.01 * len(labels)


def test_the_failures_of_the_log_it_was_trained_on_without_labels_stand_out(
    scorer: BertScorer, shared_data: Path
) -> None:
    failed = read_labels(shared_data / "hdfs-1pct.labels.csv")
    windows = list(windows_of(read_lines([str(shared_data / "hdfs-1pct.log.gz")])))
    scores = scorer.score([window.texts for window in windows], [True] * len(windows))
    labels = [failed[window.block_id] for window in windows]
    assert evaluate_scores([score.value for score in scores], labels) > 0.999
    found = sum(score.anomalous and label for score, label in zip(scores, labels, strict=True))
    assert found >= 0.9 * sum(labels)
    false = sum(score.anomalous and not label for score, label in zip(scores, labels, strict=True))
    assert false <= 1.5e-3 * (len(labels) - sum(labels))  # half as many again as the budget that it was trained for


def test_one_line_of_a_block_that_may_go_on_is_no_anomaly_and_an_exception_is_more_of_one() -> None:
    exception = "081109 204000 143 INFO dfs.DataNode$BlockReceiver: Exception in receiveBlock for block blk_-1 java.io"
    assert get_anomaly_score(RECEIVING) < 0
    assert get_anomaly_score(f"{RECEIVING}\n{exception}") > get_anomaly_score(RECEIVING)


def test_neither_times_nor_the_order_of_lines_matter_to_a_text() -> None:
    served = "081110 000000 9 INFO dfs.DataNode$DataXceiver: 10.0.0.1:50010 Served block blk_-1 to /10.0.0.2"
    assert get_anomaly_score(f"{RECEIVING}\n{served}") == get_anomaly_score(f"{served}\n\n{RECEIVING}\n")


def test_text_without_a_line_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no log line in the text"):
        get_anomaly_score("\n  \n")
