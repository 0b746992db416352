"""A process that stood still knows it when it wakes."""

from pipeline import wait_until

from stream.kafka.pulse import Pulse


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_standstill_is_remembered_for_a_minute_and_a_short_one_is_none() -> None:
    clock = Clock()
    pulse = Pulse(10, clock)
    for clock.now, stood in ((109.0, 0), (119.0, 0), (131.0, 12), (140.0, 12), (149.0, 12), (192.0, 43), (200.0, 43)):
        assert pulse.stood_still() == stood
    for clock.now in range(205, 260, 5):
        pulse.beat()
    assert pulse.stood_still() == 0


def test_it_beats_by_itself() -> None:
    asked: list[float] = []

    def clock() -> float:
        asked.append(0.0)
        return 0.0

    pulse = Pulse(30, clock)
    pulse.start()
    begun = len(asked)
    try:
        wait_until(lambda: len(asked) >= begun + 2, "it beats twice")
    finally:
        pulse.stop()
