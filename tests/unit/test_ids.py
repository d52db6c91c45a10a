"""The identity of files."""

import time
from uuid import UUID

from benchling_connector.adapters.system import SystemIds


def test_a_file_id_is_a_uuid_of_version_7_with_the_time_at_its_head() -> None:
    before = time.time_ns() // 1_000_000
    made = UUID(SystemIds().file_id())
    after = time.time_ns() // 1_000_000

    assert (made.version, made.variant) == (7, UUID(int=2 << 62).variant)
    assert before <= made.int >> 80 <= after


def test_no_two_file_ids_are_the_same() -> None:
    ids = SystemIds()
    assert len({ids.file_id() for _ in range(10_000)}) == 10_000


def test_every_random_bit_of_a_file_id_may_be_either() -> None:
    ids = SystemIds()
    made = [UUID(ids.file_id()).int for _ in range(200)]
    either = 0
    for one in made[1:]:
        either |= one ^ made[0]
    random_bits = ((1 << 12) - 1) << 64 | ((1 << 62) - 1)
    assert either & random_bits == random_bits
