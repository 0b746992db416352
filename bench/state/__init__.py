"""Size and speed of the state: open windows written to a real changelog, and restored in a fresh process.

log.py       the blocks and lines, the same ones by their numbers whoever asks
fill.py      a changelog of so many open windows, through the tasks that a daemon has
restored.py  the fresh process: restores as a daemon does, then takes more lines; says what it took
show.py      the table
"""
