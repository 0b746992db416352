"""The live page: for somebody who was woken. What is wrong now, where, since when; one click to a block and its lines.

NiceGUI on the same FastAPI application, all its files from here. What the browser sees is made anew by a timer from the
store, never by an event. Log text is only ever text.
"""
