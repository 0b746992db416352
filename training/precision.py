"""Where half precision is quick, and so used in training: on CUDA, and on processors with matrix units for it.

Elsewhere bfloat16 is emulated and slower than single precision. Weights, sums, attention on a processor and all scores
stay in single precision.
"""

from functools import cache

import torch


def quick(device: torch.device) -> bool:
    """Whether products of matrices are quicker in bfloat16."""
    return device.type == "cuda" or _tiles()


@cache
def _tiles() -> bool:
    """Whether the processor has matrix units (AMX); torch before 2.10 cannot say, which means no."""
    able: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(able.get("amx_bf16"))
