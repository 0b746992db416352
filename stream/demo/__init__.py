"""The demo: everything at once on one machine, and nothing left running.

play.py     the order of events              parts.py   broker, daemon, page and sender, and their end
show.py     what a person sees meanwhile     log.py     the log that is played: simulated, with labels
child.py    a command of ours as a process   linger.py  how long the page stays
"""
