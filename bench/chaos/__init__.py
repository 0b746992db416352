"""Chaos: a real broker and real daemons under SIGKILL, and whether what they publish is what an undisturbed run does.

plan.py      what is asked for                 plant.py     the broker, and its sudden ends
feed.py      the lines, sent all the while     member.py    one daemon and what its log says
crew.py      all daemons, started and ended    storm.py     the order of accidents, from a seeded generator
watch.py     how far the group has come        calm.py      what an undisturbed run gives
topics.py    what was published, read back     compare.py   what it is to be equal; pure
verdict.py   what must be equal                show.py      the table
run.py       all of it, from the beginning to the end
"""
