"""How faithful a checkpoint is to what taught it, one step away from the windows that it learned; no label is read.

A head that has learned every window of its log by heart may know nothing of their neighbours, and failures are their
neighbours. So real windows are changed by one step, and the head is held against its teacher on what comes of it.
"""
