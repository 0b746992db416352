"""Simple detectors: what each scores, that arrays are all that is kept, that they stand wherever a scorer does."""

import json
import math
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command import Command
from logs import simulated
from safetensors.numpy import load_file, save_file
from sklearn.ensemble import IsolationForest

from model.baselines import DETECTORS, BaselineScorer, load_baseline
from model.baselines.pca import PcaDetector
from model.folder import BASELINE_FILES
from model.manifest import seal
from stream.commands.scorers import load_scorer
from stream.errors import InputError
from stream.settings import load_settings
from stream.simulator import simulate
from stream.windows.files import windows_of
from stream.windows.settings import WindowSettings
from training.baselines import BaselineRecipe, train_baseline
from training.baselines.detectors import fit_pca, fit_rarity, flat_forest
from training.evaluate import evaluate_scores

ROOT = Path(__file__).parents[1]
NAMES = tuple(DETECTORS)
USUAL = (
    ("dfs.FSNamesystem: BLOCK* NameSystem.allocateBlock: <path> <block>",)
    + ("dfs.DataNode$DataXceiver: Receiving block <block> src: <address> dest: <address>",) * 3
    + ("dfs.DataNode$PacketResponder: Received block <block> of size from <address>",) * 3
    + ("dfs.DataNode$PacketResponder: PacketResponder for block <block> terminating",) * 3
    + ("dfs.FSNamesystem: BLOCK* NameSystem.addStoredBlock: blockMap updated: <address> is added to <block> size",) * 3
)
FOREIGN = "WARN dfs.DataNode: Disk <path> is on fire"


def no_progress(stage: str, done: int, of: int, loss: float | None = None) -> None:
    pass


def fitted(out: Path, detector: str, blocks: int = 400, **chosen: object) -> Path:
    recipe = BaselineRecipe(detector, **chosen)  # type: ignore[arg-type]
    train_baseline(simulated(blocks), out, recipe, WindowSettings(), no_progress)
    return out


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: fitted(tmp_path_factory.mktemp("baselines") / name, name) for name in NAMES}


@pytest.fixture
def command(capsysbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capsysbinary)


# ── what they score ──


def test_the_forest_that_is_walked_by_numpy_scores_as_scikit_learn_does() -> None:
    rng = np.random.default_rng(0)
    seen, judged = rng.poisson(2, (600, 7)).astype(float), rng.poisson(3, (300, 7)).astype(float)
    theirs = IsolationForest(n_estimators=50, max_samples=128, random_state=1).fit(seen)
    ours = flat_forest([tree.tree_ for tree in theirs.estimators_])
    allowance = 2 * (math.log(127) + np.euler_gamma) - 2 * 127 / 128
    scores = np.array([ours.score(row) for row in judged])
    assert len(set(scores.round(6))) > 50
    assert -(2 ** (scores / allowance)) == pytest.approx(theirs.score_samples(judged), rel=1e-12)


def test_rarity_is_minus_the_log_of_the_smoothed_share_of_the_set_of_kinds() -> None:
    counts = np.array([[1, 0, 0], [5, 0, 0], [1, 2, 0]], float)
    detector = fit_rarity(counts, np.array([6.0, 3.0, 1.0]), np.random.default_rng(0), False)
    found = [detector.score(np.array(row, float)) for row in ([9, 0, 0], [1, 1, 0], [0, 1, 0], [1, 0, 1])]
    assert found == pytest.approx([math.log(13 / 10), math.log(13 / 2), math.log(13), math.log(13)])


def test_pca_is_the_log_error_outside_of_the_components() -> None:
    along, across = np.array([1, 1, 0]) / math.sqrt(2), np.array([0, 0, 1])
    detector = PcaDetector(np.array([[2.0, 2.0, 0.0]]), along[None, :, None])
    fits, off, foreign = (np.array(row, float) for row in ([5, 5, 0, 0], [5, 3, 2, 0], [5, 5, 0, 3]))
    assert detector.score(fits) == pytest.approx(math.log(1e-3))
    assert detector.score(off) == pytest.approx(math.log(2 + (off[:3] @ across) ** 2 + 1e-3))
    assert detector.score(foreign) == pytest.approx(math.log(9 + 1e-3))


def test_pca_takes_the_components_that_foretell_counts_left_out() -> None:
    rng = np.random.default_rng(0)
    two = rng.integers(1, 6, (400, 2)) @ np.array([[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]])
    counts = np.column_stack([two, np.zeros(400)]).astype(float)
    detector = fit_pca(counts, np.ones(400), rng, False)
    assert detector.bases.shape == (20, 6, 2)


@pytest.mark.parametrize(("name", "least"), [("pca", 0.97), ("rarity", 0.9), ("forest", 0.8)])
def test_failures_of_another_run_of_the_simulator_score_high(folders: dict[str, Path], name: str, least: float) -> None:
    simulation = simulate(400, anomaly_rate=0.1, seed=8, hours=2)
    failed = {label.block_id: label.anomalous for label in simulation.labels()}
    windows = list(windows_of(simulation.lines()))
    scores = BaselineScorer.load(folders[name]).score([w.texts for w in windows], [True] * len(windows))
    assert evaluate_scores([s.value for s in scores], [failed[w.block_id] for w in windows]) > least


@pytest.mark.parametrize("name", NAMES)
def test_a_line_of_a_kind_that_training_never_saw_is_scored_and_counts(folders: dict[str, Path], name: str) -> None:
    scorer = BaselineScorer.load(folders[name])
    usual, foreign = (score.value for score in scorer.score([USUAL, (*USUAL, FOREIGN)], [True, True]))
    if name == "forest":  # it cuts where training had differences: of a column of zeros it knows nothing
        assert foreign == usual
    else:
        assert foreign > usual + 1


@pytest.mark.parametrize("name", NAMES)
def test_a_score_depends_on_the_lines_of_its_window_alone(folders: dict[str, Path], name: str) -> None:
    texts = [window.texts for window in windows_of(simulated(150, seed=4))]
    memo, fresh = BaselineScorer.load(folders[name]), BaselineScorer.load(folders[name], memo=False)
    together = fresh.score(texts, [True] * len(texts))
    assert len({score.value for score in together}) > 5
    assert [fresh.score([text[::-1]], [True])[0] for text in texts[::-1]] == together[::-1]
    assert memo.score(texts, [True] * len(texts)) == memo.score(texts, [True] * len(texts)) == together


@pytest.mark.parametrize("name", NAMES)
def test_a_window_that_may_go_on_has_the_same_score_and_a_verdict_of_its_own(
    folders: dict[str, Path], name: str
) -> None:
    begun = USUAL[:5]
    scorer = BaselineScorer.load(folders[name])
    opened, closed = scorer.score([begun, begun], [False, True])
    assert opened.value == closed.value
    assert opened.p_value > closed.p_value
    assert not opened.anomalous


# ── evidence ──


@pytest.mark.parametrize("name", ["pca", "rarity"])
def test_the_line_too_many_is_named_first(folders: dict[str, Path], name: str) -> None:
    scorer = BaselineScorer.load(folders[name])
    [first, *_] = scorer.explain((*USUAL[:4], FOREIGN, *USUAL[4:]), True)
    assert (first.line, first.expected) == (4, ())
    assert first.value > 1


def test_what_is_missing_is_expected(folders: dict[str, Path]) -> None:
    missing = USUAL[-1]
    [first, *_] = BaselineScorer.load(folders["pca"]).explain(USUAL[:-1], True)
    assert first.expected[0] == missing


@pytest.mark.parametrize("name", NAMES)
def test_a_single_line_can_be_explained(folders: dict[str, Path], name: str) -> None:
    surprises = BaselineScorer.load(folders[name]).explain([FOREIGN], True)
    assert [surprise.line for surprise in surprises] == [0]


# ── the folder ──


@pytest.mark.parametrize("name", NAMES)
def test_it_comes_back_from_arrays_and_json_as_it_was(tmp_path: Path, name: str) -> None:
    recipe = BaselineRecipe(name, name="mine")
    baseline = train_baseline(simulated(120), tmp_path / "a", recipe, WindowSettings(), no_progress)
    again = load_baseline(tmp_path / "a")
    rows = [baseline.kinds.counts(Counter(window.texts)) for window in windows_of(simulated(60, seed=9))]
    assert [again.detector.score(row) for row in rows] == [baseline.detector.score(row) for row in rows]
    assert (again.name, again.calibration) == (baseline.name, baseline.calibration)
    assert again.name.startswith(f"mine-{name}-")
    files = {"detector.safetensors", "kinds.json", "config.json", "calibration.json", "README.md"}
    assert {path.name for path in (tmp_path / "a").iterdir()} == files
    assert "(seed 0)\n\n" in (tmp_path / "a" / "README.md").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, name: str) -> None:
    first, again, other = (fitted(tmp_path / str(i), name, 100, seed=seed) for i, seed in enumerate((1, 1, 2)))
    content = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in (first, again, other)]
    assert content[0] == content[1]
    assert (content[0]["detector.safetensors"] == content[2]["detector.safetensors"]) == (name == "rarity")


def spoil_arrays(change: Callable[[dict[str, np.ndarray]], object]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        arrays = load_file(folder / "detector.safetensors")
        change(arrays)
        save_file(
            {name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / "detector.safetensors"
        )

    return spoil


def spoil_text(file: str, text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / file).write_text(text) and None


def cut(folder: Path) -> None:
    path = folder / "detector.safetensors"
    path.write_bytes(path.read_bytes()[:-9])


DAMAGE = {
    "cut short": ("pca", cut),
    "no array": ("pca", spoil_arrays(lambda a: a.pop("means"))),
    "no subspace": ("pca", spoil_arrays(lambda a: a.update(means=a["means"][:0], bases=a["bases"][:0]))),
    "not a number": ("pca", spoil_arrays(lambda a: a["means"].__setitem__((0, 0), math.nan))),
    "too few kinds": ("pca", spoil_text("kinds.json", '["a line"]')),
    "kinds twice": (
        "pca",
        lambda f: spoil_text("kinds.json", json.dumps(["a"] * len(load_baseline(f).kinds.texts)))(f),
    ),
    "kinds of no text": ("pca", spoil_text("kinds.json", "[1]")),
    "no json": ("pca", spoil_text("calibration.json", "{")),
    "no calibration": ("pca", spoil_text("calibration.json", "{}")),
    "unknown detector": ("pca", spoil_text("config.json", '{"tinylogbert": {"detector": "tea leaves", "name": "x"}}')),
    "another detector": ("pca", spoil_text("config.json", '{"tinylogbert": {"detector": "forest", "name": "x"}}')),
    "sets of other kinds": ("rarity", spoil_arrays(lambda a: a.update(sets=a["sets"][:, :-1]))),
    "fewer than no windows": ("rarity", spoil_arrays(lambda a: a["seen"].__setitem__(0, -1))),
    "a path without end": ("forest", spoil_arrays(lambda a: a["left"].__setitem__(5, 0))),
    "a leaf with a child": ("forest", spoil_arrays(lambda a: a["left"].__setitem__(0, 0))),
    "a node that is none": ("forest", spoil_arrays(lambda a: a["right"].__setitem__(0, 10**9))),
    "no tree": ("forest", spoil_arrays(lambda a: a.update(roots=a["roots"][:0]))),
}


@pytest.mark.parametrize(("name", "spoil"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_folder_is_one_line(
    folders: dict[str, Path], tmp_path: Path, name: str, spoil: Callable[[Path], None]
) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(folders[name], folder)
    spoil(folder)
    seal(folder, BASELINE_FILES)
    with pytest.raises(InputError) as error:
        load_scorer(load_settings(checkpoint=folder))
    assert str(error.value).startswith(f"the checkpoint {folder} is damaged or of another kind: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("file", ["detector.safetensors", "kinds.json", "calibration.json"])
def test_a_folder_that_lacks_a_file_says_so(folders: dict[str, Path], tmp_path: Path, file: str) -> None:
    folder = tmp_path / "incomplete"
    shutil.copytree(folders["pca"], folder)
    (folder / file).unlink()
    with pytest.raises(InputError, match=f"is no checkpoint: it has no {file}; train one: tinylogbert train FILE"):
        load_scorer(load_settings(checkpoint=folder))
