"""A checkpoint's files are what was saved, or the folder is refused in one line: TinyLogBERT's, a detector's."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from logs import write_base_model
from tiny_checkpoint import write_tiny_checkpoint

from model.baselines import load_baseline
from model.checkpoint import load_checkpoint
from model.folder import ALL_FILES, BASELINE_FILES, BERT_FILES, LARGEST_CONFIG, beside, shipped_checkpoint
from model.manifest import FORMAT, OLDEST, hash_of_config, read_checked, seal
from model.scorers import scorer_of
from stream.errors import InputError
from training.base import pretrained

Harm = Callable[[Path], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_checkpoint(tmp_path / "tiny")


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    """A simple detector, sealed as ``save_baseline`` leaves it."""
    copy = tmp_path / "pca"
    shutil.copytree(beside(shipped_checkpoint())["pca"], copy)
    seal(copy, BASELINE_FILES)
    return copy


def refusal(folder: Path) -> str:
    """Why a folder is not loaded; one line, with the folder's name in front."""
    load = load_checkpoint if (folder / "model.safetensors").exists() else load_baseline
    with pytest.raises(InputError) as error:
        load(folder)
    said = str(error.value)
    assert "\n" not in said
    return said.removeprefix(f"the checkpoint {folder} is damaged or of another kind: ")


def ours(folder: Path) -> dict[str, object]:
    return dict(json.loads((folder / "config.json").read_text())["tinylogbert"])


def change(folder: Path, **what: object) -> None:
    """Edit what config.json says of the folder, as a person with an editor would."""
    file = folder / "config.json"
    config = json.loads(file.read_text())
    config["tinylogbert"] |= what
    file.write_text(json.dumps(config))


def flipped(file: Path) -> None:
    """One bit of the last byte is another one."""
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


# ── what is saved ──


def test_saving_records_every_other_file_that_scores(folder: Path) -> None:
    recorded = ours(folder)
    assert recorded["format"] == FORMAT
    assert isinstance(files := recorded["files"], dict)
    assert files.keys() == set(BERT_FILES) - {"config.json"}
    assert {name: file["bytes"] for name, file in files.items()} == {
        name: (folder / name).stat().st_size for name in files
    }


def test_a_folder_that_was_saved_is_read_as_it_is(folder: Path, detector: Path) -> None:
    for where, names in ((folder, BERT_FILES), (detector, BASELINE_FILES)):
        content = read_checked(where, names, oldest=FORMAT)
        assert content == {name: (where / name).read_bytes() for name in names}
        assert list(content) == list(names)  # the checkpoint's name is a digest in this order
    assert load_checkpoint(folder).name.startswith("tiny-")
    assert load_baseline(detector).name.startswith("hdfs-pca-")


def test_sealing_again_changes_nothing(folder: Path) -> None:
    before = (folder / "config.json").read_bytes()
    seal(folder, BERT_FILES)
    assert (folder / "config.json").read_bytes() == before


def test_what_is_not_scored_with_may_be_edited_or_lie_beside(folder: Path) -> None:
    name = load_checkpoint(folder).name
    (folder / "README.md").write_text("A card with a line of my own.\n")
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04\x95 a pickle, which nobody reads")
    assert load_checkpoint(folder).name == name


# ── what is refused ──

OTHERS = sorted({*ALL_FILES} - {"config.json"})
HARM: dict[str, tuple[Harm, str]] = {
    "cut short": (lambda file: file.write_bytes(file.read_bytes()[:-3]), "{name} has {less} of the {size} bytes that"),
    "empty": (lambda file: file.write_bytes(b""), "{name} has 0 of the {size} bytes that were saved"),
    "longer": (lambda file: file.write_bytes(file.read_bytes() + b"\n"), "{name} has more than the {size} bytes that"),
    "one bit": (flipped, "{name} has been changed since it was saved, or is that of another checkpoint"),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize(("harm", "said"), HARM.values(), ids=HARM)
def test_a_file_that_changed_since_it_was_saved(folder: Path, detector: Path, name: str, harm: Harm, said: str) -> None:
    for where in (folder, detector):
        if (where / name).exists():
            size = (where / name).stat().st_size
            harm(where / name)
            assert said.format(name=name, size=f"{size:,}", less=f"{size - 3:,}") in refusal(where)


def test_a_file_of_another_checkpoint(folder: Path, tmp_path: Path) -> None:
    other = write_tiny_checkpoint(tmp_path / "other", seed=1)
    assert load_checkpoint(other).name != load_checkpoint(folder).name
    shutil.copy(other / "model.safetensors", folder)
    assert refusal(folder) == (
        "model.safetensors has been changed since it was saved, or is that of another checkpoint"
    )


def test_the_config_of_another_checkpoint(folder: Path, tmp_path: Path) -> None:
    other = write_tiny_checkpoint(tmp_path / "other", seed=1)
    shutil.copy(other / "config.json", folder)
    assert refusal(folder).startswith("calibration.json has ")


@pytest.mark.parametrize(
    "edit",
    [{"max_tokens": 64}, {"name": "mine"}, {"typical": ["9 0x3"]}, {"sha256": "0" * 64}, {"sha256": None}],
    ids=str,
)
def test_an_edited_config(folder: Path, edit: dict[str, object]) -> None:
    change(folder, **edit)
    assert refusal(folder) == "config.json has been changed since it was saved"


def test_an_edited_shape_of_the_model(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "layer_norm_eps": 1.0}))
    assert refusal(folder) == "config.json has been changed since it was saved"


def test_only_the_layout_of_the_config_does_not_matter(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(dict(reversed(config.items()))))
    assert load_checkpoint(folder).name.startswith("tiny-")


def test_a_record_of_other_files(folder: Path, detector: Path) -> None:
    for where, missing in ((folder, "tokenizer.json"), (detector, "kinds.json")):
        names = tuple({*(BERT_FILES if where == folder else BASELINE_FILES)} - {missing})
        seal(where, names)
        others = sorted({*names} - {"config.json"})
        said = refusal(where)
        assert said.startswith(f"config.json belongs to {', '.join(others)}, not to ")
        assert missing in said


def test_a_folder_of_a_newer_version_says_so(folder: Path) -> None:
    change(folder, format=FORMAT + 1)
    assert refusal(folder) == (
        f"config.json has format {FORMAT + 1}, this version reads up to {FORMAT}; install a newer one"
    )


@pytest.mark.parametrize("wrong", [0, -1, "2", 2.0, True, None, []])
def test_a_format_that_is_none(folder: Path, wrong: object) -> None:
    change(folder, format=wrong)
    assert refusal(folder) == f"config.json names the format {wrong!r}, which is none"


@pytest.mark.parametrize("wrong", [None, 7, [], {}, {"model.safetensors": 3}, "model.safetensors"], ids=str)
def test_a_record_that_is_none(folder: Path, wrong: object) -> None:
    change(folder, files=wrong)  # and the config is as it says
    change(folder, sha256=hash_of_config(json.loads((folder / "config.json").read_text())))
    assert refusal(folder)


def test_a_config_that_would_fill_the_memory_is_not_read(folder: Path) -> None:
    with (folder / "config.json").open("r+b") as file:
        file.truncate(LARGEST_CONFIG + 1)
    assert refusal(folder) == f"config.json is larger than {LARGEST_CONFIG:,} bytes"


def test_a_file_that_would_fill_the_memory_is_not_read(folder: Path) -> None:
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(1 << 42)  # four terabytes, of which the disk holds nothing
    assert "model.safetensors has more than the " in refusal(folder)


# ── folders from before there was a record ──


def test_a_folder_without_a_record_is_refused_by_who_wants_one(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    for key in ("format", "files", "sha256"):
        del config["tinylogbert"][key]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="does not say what its files are"):
        read_checked(folder, BERT_FILES, oldest=2)
    if OLDEST == 1:
        assert load_checkpoint(folder).name.startswith("tiny-")
    else:
        assert "does not say what its files are" in refusal(folder)


def test_what_is_shipped_can_be_loaded() -> None:
    assert load_checkpoint().name.startswith("hdfs-")
    assert [load_baseline(where).name for where in beside(shipped_checkpoint()).values()]


# ── well recorded, but no checkpoint ──


@pytest.mark.parametrize("name", sorted(set(BERT_FILES) - {"config.json"}))
@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[1]", b"\x80\x04\x95" + b"x" * 100], ids=["empty", "{}", "[]", "pickle"]
)
def test_a_record_that_fits_does_not_make_a_file_right(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    seal(folder, BERT_FILES)
    assert "since it was saved" not in refusal(folder)


def reference(**what: object) -> Callable[[dict[str, dict[str, object]]], object]:
    return lambda calibration: calibration["closed"].update(what)


@pytest.mark.parametrize(
    "edit",
    [
        reference(windows=float("inf")),
        reference(threshold=float("nan")),
        reference(critical=float("inf")),
        reference(floor=0.0),
        reference(floor=float("nan")),
        reference(tail={"start": 0.0, "share": 0.1, "scale": float("nan"), "shape": 0.0}),
        reference(scores=[2.0, 1.0], survival=[1.0, 0.5]),
        reference(scores=[1.0, 10**400], survival=[1.0, 0.5]),
        reference(scores=[1.0, 2.0], survival=[1.0, 0.0]),
        reference(scores=[1.0, 2.0], survival=[7.0, 0.5]),
        reference(scores=[1.0, 2.0], survival=[0.5, 0.6]),
        lambda calibration: calibration.update(false_alarms=float("nan")),
        lambda calibration: calibration.update(false_alarms=0),
    ],
)
def test_a_calibration_whose_numbers_are_none(
    folder: Path, detector: Path, edit: Callable[[dict[str, dict[str, object]]], object]
) -> None:
    for where, names in ((folder, BERT_FILES), (detector, BASELINE_FILES)):
        values = json.loads((where / "calibration.json").read_text())
        values["closed"].setdefault("critical", values["closed"]["threshold"])
        edit(values)
        (where / "calibration.json").write_text(json.dumps(values))
        seal(where, names)
        assert "since it was saved" not in refusal(where)


@pytest.mark.parametrize("name", ["calibration.json", "kinds.json", "config.json"])
def test_json_that_is_nested_without_end(folder: Path, detector: Path, name: str) -> None:
    for where, names in ((folder, BERT_FILES), (detector, BASELINE_FILES)):
        if (where / name).exists():
            (where / name).write_text("[" * 200_000)
            if name != "config.json":
                seal(where, names)
            assert "recursion" in refusal(where)
            with pytest.raises(InputError):
                scorer_of(where, 10, "cpu", 1)


@pytest.mark.parametrize(
    "edit",
    [
        {"layer_norm_eps": float("nan")},
        {"layer_norm_eps": float("inf")},
        {"num_hidden_layers": float("inf")},
        {"tinylogbert": {"max_tokens": float("inf")}},
        {"tinylogbert": {"max_tokens": 3}},
        {"tinylogbert": {"max_tokens": -5}},
    ],
)
def test_a_shape_whose_numbers_are_none(folder: Path, edit: dict[str, object]) -> None:
    config = json.loads((folder / "config.json").read_text())
    inner = edit.get("tinylogbert", {})
    assert isinstance(inner, dict)
    config |= {**edit, "tinylogbert": {**config["tinylogbert"], **inner}}
    (folder / "config.json").write_text(json.dumps(config))
    seal(folder, BERT_FILES)
    refusal(folder)


def test_what_a_folder_is_is_not_asked_of_a_file_without_end(folder: Path) -> None:
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")  # nobody ever writes to it
    with pytest.raises(InputError, match=r"has no config\.json"):
        scorer_of(folder, 10, "cpu", 1)


# ── pretrained weights ──


def test_a_base_model_of_pickled_weights_is_refused_without_being_opened(tmp_path: Path) -> None:
    folder = write_base_model(tmp_path / "base")
    pickled, opened = tmp_path / "opened.pkl", tmp_path / "opened"
    pickled.write_bytes(pickle.dumps(_Opens(str(opened))))
    (folder / "model.safetensors").unlink()
    shutil.move(pickled, folder / "pytorch_model.bin")
    with pytest.raises(InputError) as error:
        pretrained(str(folder), [])
    assert str(error.value).startswith(f"the base model {folder} cannot be used: ")
    assert "safetensors" in str(error.value)
    assert "\n" not in str(error.value)
    assert not opened.exists()


class _Opens:
    """Who unpickles it makes a file."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return open, (self._path, "w")
