"""CPU and memory of a container, as its cgroup tells them."""

from pathlib import Path

import psutil

from benchling_connector.adapters.system import measure
from benchling_connector.domain.samples import SAMPLED

MIB = 1024 * 1024


def files(root: Path, **contents: str) -> None:
    for name, text in contents.items():
        file = root / name.replace("__", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")


def own(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "own"
    file.write_text("\n".join(lines) + "\n")
    return file


def test_a_cgroup_of_version_2_tells_usage_and_limits(tmp_path: Path) -> None:
    group = tmp_path / "cgroup" / "pod" / "box"
    files(
        group,
        memory__current=str(300 * MIB),
        memory__stat=f"anon 1\ninactive_file {100 * MIB}",
        memory__max=str(512 * MIB),
        cpu__max="50000 100000",
        cpu__stat="usage_usec 2500000\nuser_usec 1",
    )
    told = measure(tmp_path / "cgroup", own(tmp_path, "0::/pod/box"))
    assert told["container_memory_bytes"] == 200 * MIB
    assert told["container_memory_limit_bytes"] == 512 * MIB
    assert told["container_cpu_seconds"] == 2.5
    assert told["container_cpu_limit_cores"] == 0.5


def test_a_limit_of_a_cgroup_above_counts_too(tmp_path: Path) -> None:
    files(tmp_path / "cgroup" / "pod", memory__max=str(64 * MIB), cpu__max="25000 100000")
    files(tmp_path / "cgroup" / "pod" / "box", memory__max="max", cpu__max="max 100000")
    told = measure(tmp_path / "cgroup", own(tmp_path, "0::/pod/box"))
    assert told["container_memory_limit_bytes"] == 64 * MIB
    assert told["container_cpu_limit_cores"] == 0.25


def test_a_cgroup_that_is_mounted_as_the_root_is_found(tmp_path: Path) -> None:
    files(tmp_path / "cgroup", memory__max=str(64 * MIB))
    told = measure(tmp_path / "cgroup", own(tmp_path, "0::/docker/0123"))
    assert told["container_memory_limit_bytes"] == 64 * MIB


def test_cgroups_of_version_1_tell_usage_and_limits(tmp_path: Path) -> None:
    root = tmp_path / "cgroup"
    files(
        root / "memory" / "box",
        memory__usage_in_bytes=str(300 * MIB),
        memory__limit_in_bytes=str(512 * MIB),
        memory__stat=f"total_inactive_file {200 * MIB}",
    )
    files(root / "cpu" / "box", cpu__cfs_quota_us="150000", cpu__cfs_period_us="100000")
    files(root / "cpuacct" / "box", cpuacct__usage="4000000000")
    lines = ("9:name=systemd:/x", "4:memory:/box", "2:cpu,cpuacct:/box", "0::/")
    told = measure(root, own(tmp_path, *lines))
    assert told["container_memory_bytes"] == 100 * MIB
    assert told["container_memory_limit_bytes"] == 512 * MIB
    assert told["container_cpu_seconds"] == 4.0
    assert told["container_cpu_limit_cores"] == min(1.5, psutil.cpu_count() or 1)


def test_without_a_limit_the_machine_is_the_limit(tmp_path: Path) -> None:
    files(tmp_path / "cgroup" / "memory" / "box", memory__limit_in_bytes=str(9223372036854771712))
    told = measure(tmp_path / "cgroup", own(tmp_path, "4:memory:/box"))
    assert told["container_memory_limit_bytes"] == psutil.virtual_memory().total
    assert told["container_cpu_limit_cores"] == psutil.cpu_count()


def test_where_there_is_no_cgroup_the_machine_tells(tmp_path: Path) -> None:
    told = measure(tmp_path / "none", tmp_path / "none")
    assert told["container_memory_bytes"] > told["process_memory_bytes"] > MIB
    assert told["container_cpu_seconds"] > told["process_cpu_seconds"] > 0


def test_all_that_is_measured_here_is_in_the_table() -> None:
    assert set(measure()) <= set(SAMPLED)
