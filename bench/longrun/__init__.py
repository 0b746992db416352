"""A long run at full speed: a log that goes on for months of its own time, and the daemon's memory meanwhile.

endless.py  the lines: a sample again and again, each time later and with blocks of its own
watch.py    one daemon, sampled every second
show.py     the figures and the graph
"""
