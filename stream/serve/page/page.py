"""One browser's page: its elements, what its user has chosen, and the timer that brings it up to date."""

import time
from typing import Any
from urllib.parse import quote

from nicegui import ui
from nicegui.element import Element

from stream.scoring import Thresholded
from stream.serve.events import MAX_BLOCK_ID, Entry
from stream.serve.filters import Filter
from stream.serve.page import chart
from stream.serve.page.components import Alarms, Text, box
from stream.serve.page.detail import show_evidence, show_head, show_lines, show_neighbours
from stream.serve.page.figures import figures_of
from stream.serve.page.headline import headline
from stream.serve.page.rows import alarm_rows, key_of
from stream.serve.page.words import counted, of_day
from stream.serve.parts import Parts
from stream.serve.read_routes import look_up

REFRESH_S = 0.5
ROWS = 100
NEIGHBOURS = 6
TIMES = {0: "any time", 900: "15 minutes", 3_600: "an hour", 21_600: "six hours", 86_400: "a day"}
SEVERITIES = {"normal": "any severity", "warning": "warning and above", "critical": "critical"}
AXES = {"arrival": "when it was judged", "log": "log time"}
_CHART_S = 2.0
_DEFAULT_SPAN_S = 1_800


class Page:
    """``build`` makes the elements; nothing of a log is in what the server sends first, all comes by the timer."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._store = parts.store
        self._open: str = ""
        self._shown: Entry | None = None
        self._next_chart = 0.0
        self._held: list[Entry] | None = None
        self._components: list[str] = []
        self._terms: list[tuple[Element, Text, Text]] = []

    # ── building ──

    def build(self) -> None:
        """Make all elements, in the order in which they are read."""
        self._dark = ui.dark_mode(None)
        with box("header", "top"):
            Text("h1", "TinyLogBERT")
            self._state = Text("span", "", "state").props("role=status")
            theme = Text("button", "Light or dark", "plain").props("type=button")
            theme.on("click", self._switch_theme, js_handler=_IS_DARK)
            Text("a", "API").props('href="/docs"')
        self._away = Text("p", "", "away").props("role=alert")
        with box("div", "content"):
            with box("section", "headline").props("aria-live=polite") as self._headline:
                self._what, self._where, self._when = (
                    Text("p", "", "what"),
                    Text("p", "", "where"),
                    Text("p", "", "when"),
                )
            self._figures = box("dl", "figures")
            self._build_chart()
            with box("section", "anomalies"):
                self._build_filters()
                self._list = Alarms("Anomalies, the newest first", self._choose, self._leave)
                self._none = Text("p", "", "none")
                self._more = Text("p", "", "quiet more")
        self._panel = box("aside", "panel").props('aria-label="One block"')
        self._panel.visible = False
        ui.skip_link("Skip to the anomalies", target=self._list)
        ui.timer(REFRESH_S, self._refresh)
        block = ui.context.client.request.query_params.get("block", "") if ui.context.client.request else ""
        self._wished = block[:MAX_BLOCK_ID]

    def _build_chart(self) -> None:
        with box("section", "timeline").props('aria-label="Scores over time"'):
            with box("div", "bar"):
                Text("h2", "Scores")
                self._axis = _choice("Time axis", AXES, "arrival", self._redraw)
            self._chart = ui.echart(chart.new_options(), on_point_click=lambda event: self._choose(event.name))

    def _build_filters(self) -> None:
        with box("div", "bar"):
            Text("h2", "Anomalies")
            with box("form", "filters").props("role=search").on("submit.prevent", lambda: None):
                self._severity = _choice("Severity", SEVERITIES, "normal", self._redraw)
                self._since = _choice("Time", TIMES, 0, self._redraw)
                self._component = _choice("Component", {"": "any component"}, "", self._redraw)
                self._block = ui.input(placeholder="block id", on_change=self._redraw)
                self._block.props('dense outlined clearable debounce=200 aria-label="Block"')
            self._hold = Text("button", "Hold still", "plain").props("type=button aria-pressed=false")
            self._hold.on("click", self._switch_hold)

    # ── what the user does ──

    def _switch_theme(self, event: Any) -> None:
        self._dark.value = not event.args

    def _switch_hold(self) -> None:
        self._held = self._wanted_alarms() if self._held is None else None
        self._hold.props(f"aria-pressed={str(self._held is not None).lower()}")
        self._redraw()

    def _redraw(self) -> None:
        self._next_chart = 0.0
        if self._held is not None:
            self._held = self._wanted_alarms()
        self._refresh()

    async def _choose(self, key: str) -> None:
        entry = self._find(key)
        if entry is None:
            return
        self._open, self._shown = key, entry
        lines = self._show_panel(entry)
        self._panel.visible = True
        ui.run_javascript("document.querySelector('.panel h2')?.focus()")
        ui.navigate.history.replace(f"/?block={quote(entry.event['block_id'], safe='')}")
        self._refresh()
        detail = await look_up(self._parts, entry)
        if self._open == key and self._shown is entry:  # only this is made anew: somebody may be about to click
            lines.clear()
            with lines:
                show_lines(detail)

    def _leave(self) -> None:
        if not self._open:
            return
        self._open, self._shown = "", None
        self._panel.visible = False
        self._panel.clear()
        ui.navigate.history.replace("/")
        ui.run_javascript("document.querySelector('.alarms tr.selected button')?.focus()")
        self._refresh()

    # ── bringing it up to date ──

    async def _refresh_and_open(self, key: str) -> None:
        await self._choose(key)

    def _refresh(self) -> None:
        now = int(time.time() * 1000)
        known, wanted = self._known_alarms(), self._filter(now)
        alarms = [entry for entry in known if wanted.lets(entry)]
        self._show_state()
        self._show_headline(alarms, len(known) - len(alarms), now, wanted)
        self._show_figures()
        self._show_list(alarms, bool(known))
        if time.monotonic() >= self._next_chart:
            self._next_chart = time.monotonic() + _CHART_S
            self._offer_components()
            self._show_chart(alarms, now)
        self._open_what_was_wished()

    def _open_what_was_wished(self) -> None:
        if self._wished and (entries := self._store.block(self._wished)):
            key, self._wished = key_of(entries[-1]), ""
            ui.timer(0, lambda: self._refresh_and_open(key), once=True)

    def _show_state(self) -> None:
        pulse, following = self._parts.pulse.now, self._parts.following
        wrong = pulse.broker if pulse.away_since else pulse.topics if pulse.topics != "not asked yet" else None
        wrong = wrong or following.error
        if wrong:
            since = f" since {of_day(int(pulse.away_since * 1000))} UTC" if pulse.away_since else ""
            head = (
                f"Kafka is away{since}. What you see is from before." if pulse.away_since else "Something is missing."
            )
            self._away.say(f"{head} {wrong}")
        self._away.visible = bool(wrong)
        said = "Kafka is away" if wrong else "live" if following.caught_up else "reading what is there"
        self._state.say(said)
        self._state.classes(replace=f"state {'bad' if wrong else 'good' if following.caught_up else ''}")

    def _show_headline(self, alarms: list[Entry], others: int, now: int, wanted: Filter) -> None:
        ready = self._parts.following.caught_up
        said = headline(alarms, others, self._store.taken, now, wanted, ready)
        self._headline.classes(replace=f"headline {said.tone}")
        for element, text in ((self._what, said.what), (self._where, said.where), (self._when, said.when)):
            element.say(text)

    def _show_figures(self) -> None:
        found = figures_of(self._parts)
        while len(self._terms) < len(found):
            with self._figures, box("div") as term:
                self._terms.append((term, Text("dt"), Text("dd")))
        for (term, name, value), figure in zip(self._terms, found, strict=True):
            name.say(figure.name)
            value.say(figure.value)
            term.classes(replace="odd" if figure.odd else "")
            if term.props.get("title") != figure.title:
                term.props["title"] = figure.title
                term.update()

    def _show_list(self, alarms: list[Entry], any_known: bool) -> None:
        shown = alarms if self._held is None else self._held
        self._list.show(alarm_rows(shown[:ROWS]), self._open)
        self._list.visible = bool(shown)
        self._none.say("No anomaly fits the filters." if any_known else _NONE)
        self._none.visible = not shown
        rest = len(shown) - ROWS
        self._more.say(f"and {counted(rest, 'older one')}; filter, or ask /anomalies" if rest > 0 else "")
        fresh = len({key_of(e) for e in alarms} - {key_of(e) for e in shown}) if self._held is not None else 0
        self._hold.say("Hold still" if self._held is None else f"Go on ({fresh:,} new)" if fresh else "Go on")

    def _show_chart(self, alarms: list[Entry], now: int) -> None:
        by_log = self._axis.value == "log"
        timeline = self._store.by_log if by_log else self._store.by_arrival
        end = max(timeline.bins, default=now) + timeline.width if by_log else now
        first = min(timeline.bins, default=end)
        length = self._since.value or (max(_DEFAULT_SPAN_S, (end - first) / 1000) if by_log else _DEFAULT_SPAN_S)
        begin = max(end - int(length * 1000), min(first, end - 60_000) if not self._since.value else 0)
        chart.fill(self._chart.options, timeline, alarms, begin, end, self._threshold(), by_log)
        self._chart.update()

    def _show_panel(self, entry: Entry) -> Element:
        """Fill the panel; return the place of the raw lines."""
        self._panel.clear()
        with self._panel:
            show_head(entry, int(time.time() * 1000), self._leave)
            show_evidence(entry)
            with box("section") as lines:
                show_lines(None)
            show_neighbours(self._store.neighbours(entry, NEIGHBOURS), entry, self._choose)
        return lines

    # ── what is asked for ──

    def _filter(self, now: int) -> Filter:
        seconds = self._since.value
        return Filter(
            severity=self._severity.value,
            alarmed=now - seconds * 1000 if seconds else None,
            block=(self._block.value or "").strip(),
            component=self._component.value,
        )

    def _known_alarms(self) -> list[Entry]:
        """The one that began last first: one that goes on for long does not come up again with each event."""
        return sorted(self._store.alarms(), key=lambda entry: entry.began, reverse=True)

    def _wanted_alarms(self) -> list[Entry]:
        wanted = self._filter(int(time.time() * 1000))
        return [entry for entry in self._known_alarms() if wanted.lets(entry)]

    def _find(self, key: str) -> Entry | None:
        block, _, part = key.rpartition("/")
        return next((entry for entry in self._store.block(block) if str(entry.event["part"]) == part), None)

    def _offer_components(self) -> None:
        found = self._store.components()[:50]
        if found != self._components:
            self._components = found
            chosen = self._component.value
            kept = [chosen] if chosen and chosen not in found else []
            self._component.set_options({"": "any component", **{name: name for name in [*kept, *found]}}, value=chosen)

    def _threshold(self) -> float | None:
        """That of closed windows, if the scorer here is the one that has judged what is shown."""
        scorer = self._parts.desk.scorer
        newest = next(iter(self._store.alarms()), None)
        same = scorer is not None and (newest is None or newest.event["checkpoint"] == scorer.checkpoint)
        return scorer.threshold(complete=True) if same and isinstance(scorer, Thresholded) else None


_NONE = "No anomalies yet. Each is here within a second or two of its coming."
_IS_DARK = "() => emit(document.body.classList.contains('body--dark'))"


def _choice(label: str, options: dict[Any, str], value: Any, changed: Any) -> ui.select:
    """One of several, small."""
    found = ui.select(options, value=value, on_change=changed)
    found.props(f'dense outlined options-dense aria-label="{label}"')
    return found
