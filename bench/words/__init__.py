"""Whether lines that training never saw are judged by their words: harmless ones against failures.

lines.py       rewordings, harmless news, and failures in the words of Hadoop
measure.py     healthy windows with such lines in them, scored
__main__.py    the command and its table
"""
