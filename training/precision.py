"""Where half precision is quick, and so used in training: on CUDA, and on processors that multiply bfloat16 themselves,
in matrix units (AMX) or in vectors (AVX-512 BF16).

Elsewhere bfloat16 is emulated and slower than single precision. Weights, sums, attention on a processor and all scores
stay in single precision.
"""

from collections.abc import Mapping
from functools import cache

import torch

_UNITS = ("amx_bf16", "avx512_bf16")


def quick(device: torch.device) -> bool:
    """Whether products of matrices are quicker in bfloat16."""
    return device.type == "cuda" or _here()


def multiplies(able: Mapping[str, object]) -> bool:
    """Whether a processor with these capabilities, as torch names them, has an instruction for products of bfloat16."""
    return any(able.get(unit) for unit in _UNITS)


@cache
def _here() -> bool:
    """Of this processor; torch before 2.10 cannot say, which means no."""
    return multiplies(getattr(torch.cpu, "get_capabilities", dict)())
