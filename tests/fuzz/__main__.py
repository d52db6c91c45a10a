"""Looks for a message body that breaks a promise, guided by the code that bodies reach.

`./dev fuzz [SECONDS]` runs it. `.fuzz/corpus` keeps what reaches new code from one run to the
next; a body that breaks something lands in `.fuzz/` as `crash-…`, and
`python -m tests.fuzz FILE` tries it again.
"""

import sys
from pathlib import Path
from random import Random

import atheris

with atheris.instrument_imports(include=["benchling_connector.domain"]):
    from benchling_connector.simulator.mutations import mutation
    from tests.fuzz.decoder import check, corpus

HOME = Path(__file__).parents[2] / ".fuzz"
LONGEST = 65_536
WORDS = [
    *('"detail":', '"id":', '"eventType":', '"schema":', '"entity":', '"entry":', '"apiURL":'),
    *('"createdAt":', '"message":', '"type":', '"workflowTaskSchema":', '"registryId":'),
    *('"v2.entry.created"', '"v2.entity.registered"', '"v2.x.y"', "/api/v2/dna-sequences/"),
    *("null", "true", "1e999", "\\ud800", "\\u0000", "[[", "]]", '{"":', "2026-03-01T11:59:58Z"),
]


def mutated(data: bytes, max_size: int, seed: int) -> bytes:
    """Half of the time as libFuzzer would, else as text."""
    random = Random(seed)
    if random.random() < 0.5:
        return bytes(atheris.Mutate(data, max_size))
    text = mutation(data.decode("utf-8", "replace"), random)
    return text.encode("utf-8", "surrogatepass")[:max_size]


def main(arguments: list[str]) -> None:
    """Tries one file again, or fuzzes for so many seconds (600)."""
    if arguments and Path(arguments[0]).is_file():
        check(Path(arguments[0]).read_bytes())
        return
    found, seeds, words = HOME / "corpus", HOME / "seeds", HOME / "words"
    for folder in (found, seeds):
        folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(corpus()):
        (seeds / f"{number:05}").write_bytes(data)
    words.write_text("".join(f"{_quoted(word)}\n" for word in WORDS))
    options = [
        f"-max_total_time={arguments[0] if arguments else 600}",
        f"-max_len={LONGEST}",
        f"-dict={words}",
        f"-artifact_prefix={HOME}/",
        "-timeout=30",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(found), str(seeds)], check, custom_mutator=mutated)
    atheris.Fuzz()


def _quoted(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


if __name__ == "__main__":
    main(sys.argv[1:])
