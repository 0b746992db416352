"""Elements of the page's own: lists that the browser makes from data, and plain HTML elements that hold text."""

from collections.abc import Callable
from typing import Any

from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import GenericEventArguments


class Alarms(Element, component="alarms.js"):
    """The list of alarms; ``choose`` is called with the key of one, ``leave`` when Escape is hit."""

    def __init__(self, label: str, choose: Callable[[str], Any], leave: Callable[[], Any]) -> None:
        super().__init__()
        self._props["rows"] = []
        self._props["selected"] = ""
        self._props["label"] = label

        def chosen(event: GenericEventArguments) -> Any:
            return choose(str(event.args))

        self.on("choose", chosen)
        self.on("leave", lambda: leave())

    def show(self, rows: list[dict[str, Any]], selected: str) -> None:
        """Show these rows, if they are others than those that are shown."""
        if (rows, selected) != (self._props["rows"], self._props["selected"]):
            self._props["rows"], self._props["selected"] = rows, selected
            self.update()


class Lines(Element, component="lines.js"):
    """Raw lines in order."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        super().__init__()
        self._props["rows"] = rows


class Text(TextElement):
    """An HTML element with text in it."""

    def __init__(self, tag: str, text: str = "", classes: str = "") -> None:
        super().__init__(tag=tag, text=text)
        self.classes(classes)

    def say(self, text: str) -> None:
        """Change the text."""
        if text != self.text:
            self.text = text


def box(tag: str, classes: str = "") -> Element:
    """An HTML element for others."""
    return Element(tag).classes(classes)
