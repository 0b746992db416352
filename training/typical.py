"""The healthy windows that go with a checkpoint, with which an anomalous one is compared to explain it."""

from collections import Counter

from model.calibration import Calibration
from model.encoding import WindowEncoder
from model.explain import Typical
from model.inference import Inference
from training.bags import Bag

_MOST = 256


def typical_windows(
    complete: Counter[Bag], encoder: WindowEncoder, inference: Inference, calibration: Calibration
) -> Typical:
    """The most frequent of these complete windows that are normal, at most 256, each of known lines only.

    One just below the threshold, a notice, may be a failure itself: what is compared with it would be explained as if
    that were health.
    Lines that the encoder does not know are left out of a window: they are seldom twice the same.
    """
    known: Counter[Bag] = Counter()
    for bag, number in complete.items():
        if kept := tuple((text, count) for text, count in bag if text in encoder.lines):
            known[kept] += number
    frequent = sorted(known, key=lambda bag: (-known[bag], bag))[: 4 * _MOST]
    encoded = {bag: encoder.encode(dict(bag), True) for bag in frequent}
    scores = inference.scores(encoded.values())
    severity = {bag: calibration.judge(scores[ids], True).severity for bag, ids in encoded.items()}
    healthy = [bag for bag in frequent if severity[bag] == "normal"][:_MOST]
    return Typical(tuple(dict(bag) for bag in healthy), tuple(known[bag] for bag in healthy))
