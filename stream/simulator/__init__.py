"""An HDFS cluster that exists only as its log: lines as HDFS 0.20's name node and data nodes write them.

``simulate`` plans jobs, each job writes blocks, each block lives a life, and a few lives go wrong in a named way.
Knows nothing of Kafka, windows or models. The forms and the figures behind the draws were measured on the HDFS_v1
log (Xu et al., SOSP 2009; distributed by loghub, Zhu et al., ISSRE 2023).

    events.py      one row a line, as numpy records       forms.py       rows to bytes
    draws.py       exact integer draws                    jobs.py        the traffic: who writes, reads, deletes, when
    blocks.py      what a job writes, and where           lives.py       the lines of a healthy life
    failures.py    what goes wrong while writing          afterlife.py   what goes wrong later, and the registry
    simulation.py  everything merged in time order
"""

from stream.simulator.afterlife import FAILURES
from stream.simulator.forms import example
from stream.simulator.simulation import BlockLabel, Simulation, simulate

__all__ = ["FAILURES", "BlockLabel", "Simulation", "example", "simulate"]
