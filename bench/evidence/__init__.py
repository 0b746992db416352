"""Whether evidence names the line at fault: simulated failures, whose fault is known, scored and explained.

truth.py      a failure's texts at fault, and where evidence names them
watched.py    a scorer that counts what its explanations cost
measure.py    simulated lines → judged windows → figures
__main__.py   the command and its table
"""
