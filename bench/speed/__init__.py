"""Speed: ours beside what a user would pick instead, in one go, interleaved, and one table.

log.py          the lines: a real sample many times over with fresh block ids, or a simulated cluster
contestants.py  who moves lines, as commands; noop.py and quix.py are those that are not ours
run.py          one contestant once: started, watched, ended
watch.py        what is committed, and what it took, seen from outside
latency.py      from a line to the event of a window, without lag
model.py        the model alone, beside the usual way
training.py     a training of 100,000 lines
figures.py      values → medians, spread, ratios
show.py         the table
"""
