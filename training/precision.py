"""Where half precision is quick, and so used in training: on CUDA, and on processors that multiply bfloat16 themselves,
in matrix units (AMX) or in vectors (AVX-512 BF16).

Elsewhere bfloat16 is emulated and slower than single precision. Weights, sums, attention on a processor and all scores
stay in single precision.
"""

from functools import cache

import torch

_UNITS = ("amx_bf16", "avx512_bf16")


def quick(device: torch.device) -> bool:
    """Whether products of matrices are quicker in bfloat16."""
    return device.type == "cuda" or _multiplies()


@cache
def _multiplies() -> bool:
    """Whether the processor has an instruction for it; torch before 2.10 cannot say, which means no."""
    able: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(able.get(unit) for unit in _UNITS)
