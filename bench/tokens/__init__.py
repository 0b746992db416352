"""What one token for a known line with its count is worth, against plain WordPiece over the window's lines in order.

plain.py       windows as word pieces, and what the head is taught with them
speed.py       windows a second and tokens a window, of random weights
accuracy.py    both taught by the same teacher for the same time, judged on later blocks
__main__.py    the commands and their tables
"""
