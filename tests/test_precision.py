"""Half precision is used in training where a processor multiplies it itself."""

import pytest

from training.precision import multiplies


@pytest.mark.parametrize(
    ("able", "quicker"),
    [
        ({"avx2": True}, False),
        ({"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, False),
        ({"avx512_bf16": True, "amx_bf16": False}, True),
        ({"amx_bf16": True}, True),
        ({}, False),
    ],
)
def test_bfloat16_is_quick_where_there_is_an_instruction_for_its_products(able: dict[str, bool], quicker: bool) -> None:
    assert multiplies(able) is quicker
