"""How well failures are found: on folds by chance, by time, by distinct window and by modes that training never saw.

log.py         a labelled log, real or simulated, windowed once; what a method may learn from
folds.py       what is learned from and what is judged
plan.py        folds with their seeds
methods.py     what is measured: TinyLogBERT, its teacher alone, simple detectors
judge.py       a scorer and a fold → figures of closed windows and of distinct ones
prefixes.py    what happens before the end: false alarms on quiet blocks, delay of alarms
run.py         every method on every fold
kept.py        a run that is cut goes on
study.py       how well criteria without labels pick a detector, with
                   candidates.py  detectors of differing quality
                   criteria.py    what can be asked of them without labels
                   ranks.py       rankings of windows
show.py        the tables
"""
