"""The documentation says what the code does: names, defaults, shapes, links and examples."""

import ast
import json
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import jsonschema
import pytest
import yaml

from benchling_connector.adapters.sqs import DeadLetterQueue, DeadLetters, Letter, Outgoing
from benchling_connector.adapters.sqs.connection import SqsConnection
from benchling_connector.adapters.system import SystemClock
from benchling_connector.checkup import ITEMS
from benchling_connector.cli import (
    alert_channels,
    alerts,
    connector_rows,
    dlq,
    events,
    file_retry,
    files,
    outcomes,
    quarantine,
)
from benchling_connector.cli import metrics as metrics_verb
from benchling_connector.cli.exits import Exit
from benchling_connector.domain.access import Role
from benchling_connector.domain.accounts import Account
from benchling_connector.domain.alerts import AlertKind, Rules
from benchling_connector.domain.answer import Fetched
from benchling_connector.domain.audit import FIRST, AuditRecord, Finding, Head, Verdict
from benchling_connector.domain.catalog import catalog
from benchling_connector.domain.channels import Channel, ChannelKind
from benchling_connector.domain.commands import Action, Command, CommandStatus, Job, JobStatus
from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.connectors import ConnectorView, WorkerView
from benchling_connector.domain.environment import OIDC_KEYS, PLATFORM_VARIABLES
from benchling_connector.domain.event import Event, decode
from benchling_connector.domain.exposed import EXPOSED
from benchling_connector.domain.lifecycle import HealthWord, Host, Mode, Network
from benchling_connector.domain.metrics import Metric
from benchling_connector.domain.notices import Notice, document_of
from benchling_connector.domain.notices import What as NoticeWhat
from benchling_connector.domain.problems import PROBLEMS
from benchling_connector.domain.queue_url import parse_queue_url
from benchling_connector.domain.rawfile import Enriched, Origin, compose, draft
from benchling_connector.domain.records import (
    EventRecord,
    EventState,
    FileRecord,
    FileState,
    QuarantineGroup,
    QuarantineRecord,
)
from benchling_connector.domain.series import Point, Range, Series
from benchling_connector.domain.versions import Version
from benchling_connector.platform import notifying
from benchling_connector.platform.alerts import Alert
from benchling_connector.platform.documents import (
    account_document,
    entry_document,
    exported,
    token_document,
    verdict_document,
)
from benchling_connector.platform.tokens import Token
from benchling_connector.ports import Delivery
from benchling_connector.redelivery import Outcome, What
from benchling_connector.settings import ENVIRONMENT_PREFIX, load
from tests.docs import (
    BLOCKS,
    DERIVED_DEFAULTS,
    DOCS,
    PAGES,
    ROOT,
    blocks,
    environment_variable,
    exposed_name,
    flag,
    is_configured,
    known_metrics,
    options,
    verbs,
    yaml_line,
)
from tests.people import ROOT as SHELL
from tests.people import people_on

SOURCE = ROOT / "src" / "benchling_connector"
AT = datetime(2026, 3, 2, 14, 5, 9, 123456, UTC)
REQUIRED = {
    "benchling_url": "https://acme.benchling.com",
    "client_id": "id",
    "client_secret": "secret",
    "sqs_url": "https://sqs.us-east-1.amazonaws.com/123456789012/benchling-events",
    "aws_region": "us-east-1",
}

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^(#+) +(.+)$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
_MODULE = re.compile(r"(?:[\w.-]+/)+[\w.-]+\.\w+")


def text_of(page: Path | str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def without_fences(text: str) -> str:
    return _FENCE.sub("", text)


def fences(page: Path | str, language: str) -> list[str]:
    """The fenced blocks of one language, without their indentation."""
    return [
        re.sub(rf"^{found[1]}", "", found[3], flags=re.MULTILINE)
        for found in _FENCE.finditer(text_of(page))
        if found[2] == language
    ]


def headings(text: str, level: int) -> list[str]:
    return [found[2] for found in _HEADING.finditer(without_fences(text)) if len(found[1]) == level]


def first_column(text: str, head: str) -> list[list[str]]:
    """Of every table that begins with this head: the first cells, without their backticks."""
    tables: list[list[str]] = []
    rows: list[str] | None = None
    for line in without_fences(text).splitlines():
        if not line.startswith("|"):
            rows = None
        elif rows is None:
            rows = []
            if line.split("|")[1].strip() == head:
                tables.append(rows)
        elif not line.startswith(("|---", "| ---")):
            rows.append(line.split("|")[1].strip().strip("`"))
    return tables


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    found: list[str] = []
    for _, heading in _HEADING.findall(without_fences(page.read_text(encoding="utf-8"))):
        words = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        times = found.count(words)
        found.append(f"{words}-{times}" if times else words)
    return set(found)


# What is drawn from the code


@pytest.mark.parametrize("name", BLOCKS)
def test_the_parts_drawn_from_the_code_are_up_to_date(name: str) -> None:
    held = [text for page in PAGES for key, text in blocks(page).items() if key == name]
    wanted = BLOCKS[name]()
    assert held == [wanted], f"`python -m tests.docs` writes it anew:\n{wanted}"


def test_the_default_of_every_key_is_the_one_documented(tmp_path: Path) -> None:
    fields = Configuration.model_fields
    assert set(DERIVED_DEFAULTS) >= {k for k, f in fields.items() if f.default in ("", None)}
    made = load(None, {**REQUIRED, "data_dir": tmp_path}, {})
    shown = {key: value.strip("`") for key, value in DERIVED_DEFAULTS.items()}
    assert made.lake_url == shown["lake_url"].replace("<data_dir>", str(tmp_path))
    assert made.database_url == shown["database_url"].replace("<data_dir>", str(tmp_path))
    assert fields["data_dir"].default == Path(shown["data_dir"])
    assert (made.http_port, made.connector_id, made.ca_bundle) == (None, None, None)


@pytest.mark.parametrize("key", [key for key in Configuration.model_fields if key[:6] != "client"])
def test_the_example_of_every_key_is_valid(key: str) -> None:
    Configuration.model_validate({**REQUIRED, **yaml.safe_load(yaml_line(key))})


def test_every_key_has_a_heading_and_no_other_has() -> None:
    keys = [text.strip("`") for text in headings(text_of("reference/configuration.md"), 3)]
    assert keys == list(Configuration.model_fields)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_no_page_names_a_variable_metric_or_flag_that_there_is_not(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    variables = {environment_variable(key) for key in Configuration.model_fields}
    variables |= {environment_variable("client_secret_file"), f"{ENVIRONMENT_PREFIX}SERVICE_HOST"}
    variables |= {environment_variable(key) for key in OIDC_KEYS}
    variables |= PLATFORM_VARIABLES
    assert set(re.findall(rf"\b{ENVIRONMENT_PREFIX}[A-Z0-9_]+", text)) <= variables
    metrics = {exposed_name(metric) for metric in known_metrics()}
    metrics |= {one.name + "_total" * (one.kind == "counter") for one in EXPOSED.values()}
    assert set(re.findall(r"\bbenchling_connector_(?!secret)[a-z_]+", text)) <= metrics


# The command line


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every call of the connector in the shell examples: where it stands, and its words."""
    for page in PAGES:
        for block in fences(page, "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                found = re.match(r"\s*(?:[A-Z_]+=\S* )*(?:benchling-connector|bc) ([^|]*)", line)
                if found:
                    yield f"{named(page)}: {line.strip()}", shlex.split(found[1], comments=True)


@pytest.mark.parametrize("words", [pytest.param(words, id=where) for where, words in commands()])
def test_the_shell_examples_use_verbs_and_options_that_there_are(words: list[str]) -> None:
    known = verbs()
    verb = next((" ".join(words[:n]) for n in (3, 2, 1) if " ".join(words[:n]) in known), None)
    assert verb is not None
    spelled = {name for one in options(known[verb]) for name in one.opts}
    if is_configured(known[verb]):
        spelled |= {flag(key) for key in Configuration.model_fields}
    assert {word for word in words if word.startswith("-")} <= spelled


def test_the_readme_and_the_guides_show_the_command_line() -> None:
    assert len(list(commands())) > 20


@pytest.mark.parametrize("verb", sorted(verbs()))
def test_every_verb_that_reports_takes_json_and_its_document_is_described(verb: str) -> None:
    spelled = {name for one in options(verbs()[verb]) for name in one.opts}
    described = f"JSON of `{verb}`" in headings(text_of("reference/command-line.md"), 3)
    assert ("--json" in spelled) == described


def documents() -> dict[str, dict[str, object]]:
    """By verb: the JSON that the command-line reference shows."""
    found: dict[str, dict[str, object]] = {}
    text = text_of("reference/command-line.md")
    for part in text.split("### JSON of ")[1:]:
        document = _FENCE.search(part)
        assert document is not None
        found[part.partition("\n")[0].strip("`")] = json.loads(document[3])
    return found


def test_the_rows_of_events_and_files_are_the_ones_documented() -> None:
    event = EventRecord(
        None, "m", None, None, None, None, EventState.STORED, None, None, 1, None, None, None, AT,
        None, None,
    )  # fmt: skip
    file = FileRecord("f", "p", "0", 1, "entry", None, 1, FileState.SUCCESS, AT, None)
    shown = documents()
    for verb, name, row in (
        ("events ls", "events", events.row_of(event)),
        ("files ls", "files", files.row_of(file)),
    ):
        rows = shown[verb][name]
        assert isinstance(rows, list)
        assert list(rows[0]) == list(row)
        assert list(shown[verb]) == [name, "next"]


def test_the_rows_of_quarantine_and_dead_letters_are_the_ones_documented() -> None:
    record = QuarantineRecord(
        "m", "c", "event-not-json", "s", 1, 1, None, AT, AT, None, None, None, None, None
    )
    delivery = Delivery("m", "h", "{}", 1, None, AT)
    address = parse_queue_url(REQUIRED["sqs_url"])
    letters = DeadLetters(
        DeadLetterQueue(address, None, None),
        SqsConnection(address, "us-east-1"),
        SystemClock(),
        60,
    )
    shown = documents()
    for verb, name, row in (
        ("quarantine ls", "quarantine", quarantine.row_of(record)),
        ("dlq ls", "queues", dlq.queue_of(letters, None)),
        ("dlq peek", "messages", dlq.row_of(Letter(delivery, Outgoing("{}", "d")))),
    ):
        rows = shown[verb][name]
        assert isinstance(rows, list)
        assert list(rows[0]) == list(row)
    told = json.loads(
        json.dumps(outcomes.document_of([Outcome("m", What.MOVED)], None, dry_run=False))
    )
    for verb in ("quarantine retry", "quarantine discard", "dlq redrive"):
        rows = shown[verb]["messages"]
        assert isinstance(rows, list)
        assert (list(shown[verb]), list(rows[0])) == (list(told), list(told["messages"][0]))
    retried = file_retry.document_of([file_retry.FileOutcome("f", "c", "retried")], dry_run=False)
    assert json.loads(json.dumps(retried)).keys() == shown["files retry"].keys()
    rows = shown["files retry"]["files"]
    assert isinstance(rows, list)
    assert list(rows[0]) == ["fileId", "connectorId", "outcome", "sentence"]
    group = quarantine.group_of(QuarantineGroup("c", 1, AT, AT, "m"))
    assert all(f'"{key}":' in text_of("reference/command-line.md") for key in group)


def test_the_rows_of_people_and_the_audit_are_the_ones_documented() -> None:
    account = Account("a", "n", None, Role.ADMIN, True, None, AT, "c", None, None)
    token = Token("t", "n", Role.ADMIN, None, None, AT, "c", None, None, None)
    record = AuditRecord(
        1, AT, "a", "cli", None, "b", None, None, '{"x": 1}', None, None, FIRST, FIRST
    )
    shown = documents()
    for verb, name, row in (
        ("users ls", "users", account_document(account)),
        ("tokens ls", "tokens", token_document(token)),
        ("audit ls", "entries", entry_document(record)),
        ("audit export", "entries", exported(record)),
    ):
        rows = shown[verb][name]
        assert isinstance(rows, list)
        assert list(rows[0]) == list(row)
    for verb in ("create", "role", "password", "disable", "enable"):
        assert list(shown[f"users {verb}"]) == list(account_document(account))
    assert list(shown["tokens revoke"]) == list(token_document(token))
    assert list(shown["tokens create"]) == ["token", *token_document(token)]
    verdict = verdict_document(Verdict(1, Head(1, FIRST), Finding(1, "No.")))
    assert list(shown["audit verify"]) == list(verdict)
    assert isinstance(verdict["finding"], dict)
    assert shown["audit verify"]["finding"].keys() == verdict["finding"].keys()  # type: ignore[attr-defined]


async def test_the_program_in_the_guide_checks_an_exported_audit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (program,) = fences("how-to/show-the-audit.md", "python")
    async with people_on(f"sqlite:///{tmp_path}/connector.db") as people:
        for name in ("ä", "b"):
            await people.services.tokens.create(SHELL, name, Role.VIEWER)
        records = await people.audit()
    lines = [json.dumps(exported(one), ensure_ascii=False) + "\n" for one in records]
    monkeypatch.chdir(tmp_path)

    Path("audit.jsonl").write_text("".join(lines), encoding="utf-8")
    exec(program, {})
    assert capsys.readouterr().out == f"ends with {records[-1].hash}\n"
    for wrong in (lines[1:], [lines[0].replace("root", "nobody"), lines[1]]):
        Path("audit.jsonl").write_text("".join(wrong), encoding="utf-8")
        with pytest.raises(AssertionError):
            exec(program, {})


def test_the_documents_of_metrics_and_alerts_are_the_ones_documented() -> None:
    shown = documents()
    series = Series("queue_messages", "gauge", (Point(AT, 1.0, 2.0),))
    told = metrics_verb.document_of("c", Range(AT, AT, 10, 10), [series])
    alert = Alert("a", "c", "n", "health", "lake-failing", "CRITICAL", "s", "r", AT, None)
    channel = Channel("c", "n", ChannelKind.SNS, {}, (), None, True, AT, "ada")
    assert keys_of(shown["metrics"]) == keys_of(told)
    assert keys_of(shown["alerts ls"]) == keys_of({"alerts": [alerts.row_of(alert)], "next": None})
    assert keys_of(shown["alerts rules"]) == keys_of(alerts.rules_of(Rules()))
    delivery = alerts.delivery_row(notifying.Delivery("c", "raised", 2, AT, None, "e"))
    assert keys_of(shown["alerts deliveries"]) == keys_of({"deliveries": [delivery]})
    row = alert_channels.row_of(channel)
    for verb in ("show", "create", "edit"):
        assert list(shown[f"alerts channels {verb}"]) == list(row)
    rows = shown["alerts channels ls"]["channels"]
    assert isinstance(rows, list)
    assert list(rows[0]) == list(row)


def keys_of(document: object) -> object:
    """Of objects within each other; of lists, what their first element has."""
    if isinstance(document, dict):
        return {key: keys_of(value) for key, value in document.items()}
    return keys_of(document[0]) if isinstance(document, list) and document else None


def test_the_kinds_of_alerts_are_described() -> None:
    (kinds, *_) = first_column(text_of("how-to/alerts.md"), "Kind")
    assert kinds == [kind.value for kind in AlertKind]


def test_the_notice_that_the_guide_shows_has_the_fields_of_a_real_one() -> None:
    shown = [json.loads(one) for one in fences(DOCS / "how-to" / "alerts.md", "json")]
    notice = Notice("n", NoticeWhat.RAISED, "a", "c", "n", "health", "c", "WARNING", "s", "r", AT)
    assert [list(one) for one in shown] == [list(document_of(notice))]


def test_the_rows_of_connectors_versions_and_commands_are_the_ones_documented() -> None:
    worker = WorkerView(
        "w", "h", 1, None, "hand", None, None, None, Network.ONLINE, HealthWord.HEALTHY, AT, None,
        None, {},
    )  # fmt: skip
    view = ConnectorView(
        "c", "n", "benchling", Host.LOCAL, "", "", (), {}, (), Mode.IDLE, Network.ONLINE,
        HealthWord.HEALTHY, None, None, None, None, None, AT, AT, (worker,),
    )  # fmt: skip
    version = Version(1, AT, "ann", None, {}, {}, None)
    command = Command("c", "c", Action.START, None, CommandStatus.CREATED, AT, "ann", AT)
    job = Job(
        "j", "c", "RunCheck", JobStatus.RUNNING, 0, None, None, None, "w", AT, "ann", AT, None
    )
    shown = documents()
    for verb, name, row, more in (
        ("connectors ls", "connectors", connector_rows.row_of(view), []),
        ("connectors history", "versions", connector_rows.version_row(version), []),
        ("commands ls", "commands", connector_rows.command_row(command), ["next"]),
        ("commands jobs", "jobs", connector_rows.job_row(job), ["next"]),
    ):
        rows = shown[verb][name]
        assert isinstance(rows, list)
        assert list(rows[0]) == list(row)
        assert list(shown[verb]) == [name, *more]
    described = shown["connectors ls"]["connectors"]
    told = connector_rows.row_of(view)["workers"]
    assert isinstance(described, list)
    assert isinstance(told, list)
    assert list(described[0]["workers"][0]) == list(told[0])


def test_exit_statuses_are_the_ones_documented() -> None:
    wanted = [str(status.value) for status in Exit]
    assert first_column(text_of("reference/command-line.md"), "Status") == [wanted]


# Names


def test_every_error_code_has_its_heading_in_order_and_no_heading_is_left_over() -> None:
    source = (SOURCE / "checkup" / "items.py").read_text()
    assert re.findall(r'^ +"([a-z-]+)",$|code="([a-z-]+)"', source, re.MULTILINE) == [
        ("no-answer", ""),
        ("", "skipped"),
    ]
    wanted = [*PROBLEMS, "no-answer", "skipped"]
    assert headings(text_of("troubleshooting.md"), 3) == wanted


def test_errors_are_grouped_by_family_as_in_the_code() -> None:
    page = text_of("troubleshooting.md")
    group, grouped = "", {}
    for marks, heading in _HEADING.findall(without_fences(page)):
        group = heading if len(marks) == 2 else group
        if len(marks) == 3:
            grouped[heading] = group
    group, wanted = "", {}
    for line in (SOURCE / "domain" / "problems.py").read_text().splitlines():
        if found := re.match(r"    # (\w+): ", line):
            group = found[1]
        elif found := re.match(r'    "([a-z-]+)": Problem\(', line):
            wanted[found[1]] = group
    assert {code: grouped[code] for code in PROBLEMS} == wanted


@pytest.mark.parametrize("code", PROBLEMS)
def test_every_error_says_what_it_means_what_happens_why_and_what_to_do(code: str) -> None:
    section = text_of("troubleshooting.md").split(f"\n### {code}\n")[1].split("\n#")[0]
    assert section.strip().startswith(PROBLEMS[code].title)
    labels = re.findall(r"^- \*\*(\w+):\*\*", section, re.MULTILINE)
    assert labels == ["Meanwhile", "Cause", "Remedy"]


def test_every_item_of_check_is_described_in_order() -> None:
    assert first_column(text_of("reference/check.md"), "Item") == [list(ITEMS)]


def test_the_states_of_events_and_files_are_described() -> None:
    states = first_column(text_of("reference/ledger.md"), "State")
    assert [sorted(some) for some in states] == [sorted(EventState), sorted(FileState)]


def test_every_log_line_is_described_and_no_other() -> None:
    said = {
        str(call.args[0].value)
        for path in SOURCE.rglob("*.py")
        if "simulator" not in path.parts
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in ("debug", "info", "warning", "error", "exception")
        and isinstance(call.func.value, ast.Name)
        and call.args
        and isinstance(call.args[0], ast.Constant)
    }
    described = first_column(text_of("reference/log.md"), "Action")
    assert sorted(*described) == sorted({*said, "library.said"})


def test_every_metric_has_a_meaning_in_a_sentence() -> None:
    def is_one(metric: Metric) -> bool:
        return metric.help[0].isalnum() and metric.help.endswith(".")

    assert all(is_one(metric) for metric in known_metrics())


def test_counts_in_the_text_are_right() -> None:
    text = text_of("reference/event-types.md")
    known = catalog()
    assert f"{len(known.event_types)} event types" in text
    assert f"{len(known.families)} resource families" in text
    assert len(known.entity_families()) == 8


# Links and files


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_and_anchors_lead_somewhere(page: Path) -> None:
    dead = []
    for target in _LINK.findall(without_fences(page.read_text(encoding="utf-8"))):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            dead.append(target)
    assert dead == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_source_files_that_a_page_names_exist(page: Path) -> None:
    text = without_fences(page.read_text(encoding="utf-8"))
    inline = re.findall(r"`([^`\n]+)`", text)
    paths = [one for one in inline if _MODULE.fullmatch(one) and one.endswith((".py", ".md"))]
    homes = (ROOT, SOURCE)
    assert [one for one in paths if not any((home / one).exists() for home in homes)] == []


def test_every_page_can_be_reached_from_the_index() -> None:
    linked = {
        (DOCS / target.partition("#")[0]).resolve() for target in _LINK.findall(text_of("index.md"))
    }
    pages = {page for page in DOCS.rglob("*.md") if page.parent.name != "decisions"}
    assert pages - linked == {DOCS / "index.md"}


@pytest.mark.parametrize("page", sorted((DOCS / "decisions").glob("*.md")), ids=named)
def test_decisions_are_short_and_of_one_form(page: Path) -> None:
    text = page.read_text()
    assert text.startswith(f"# {page.name[:4]}: ")
    labels = [
        label for label in re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE) if label != "Reasons"
    ]
    assert labels == ["Context", "Decision", "Consequences"]
    assert len(text.splitlines()) <= 40


def audited_actions() -> set[str]:
    """What modules that write into the audit say, and do not say to the log."""
    sources = [path.read_text() for path in SOURCE.rglob("*.py")]
    said = "\n".join(source for source in sources if "Deed(" in source)
    logged = set(re.findall(r"log\.\w+\(\s*\"([\w.-]+)\"", said))
    return set(re.findall(r"\"([a-z_-]+\.[a-z_]+)\"", said)) - logged - {"audit.jsonl"}


def test_every_action_of_the_audit_is_described() -> None:
    described = set(re.findall(r"`([a-z_-]+\.[a-z_]+)`", text_of("reference/access.md")))
    assert sorted(audited_actions() - described) == []


# Examples


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(document, id=f"{named(page)}-{number}")
        for page in PAGES
        for number, block in enumerate(fences(page, "yaml"))
        if "benchling_url" in (document := yaml.safe_load(block))
    ],
)
def test_the_configurations_in_the_guides_are_valid(document: dict[str, object]) -> None:
    assert document.pop("client_secret_file")
    load(None, {**document, "client_secret": "secret"}, {})


def test_the_message_that_the_guide_shows_for_a_mistake_is_the_real_one() -> None:
    given = {key: value for key, value in REQUIRED.items() if key != "sqs_url"}
    with pytest.raises(Exception, match="sqs_ulr") as caught:
        load(None, {**given, "sqs_ulr": "x"}, {})
    assert str(caught.value) in text_of("how-to/configure.md")


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_json_in_the_pages_is_json(page: Path) -> None:
    for block in fences(page, "json"):
        json.loads(block)


def test_the_raw_file_in_the_reference_is_valid() -> None:
    schema = json.loads(text_of("reference/raw-file.schema.json"))
    (example,) = fences("reference/raw-file.md", "json")
    jsonschema.validate(
        json.loads(example), schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A small lake as the connector writes it, where the demo's would be."""
    made = []
    for number, (event_type, status) in enumerate(
        [("v2.entry.created", 200), ("v2.entry.updated.fields", 404), ("v2.assayRun.created", 200)]
    ):
        kind = event_type.split(".")[1]
        resource = {"id": f"res_{number}", "name": "Batch", "fields": {"Yield": {"value": 1.5}}}
        detail = {
            "id": f"evt_{number}",
            "eventType": event_type,
            "createdAt": "2026-03-02T14:05:08.123456+00:00",
            "schema": None,
            kind: resource,
        }
        event = decode(json.dumps({"detail": detail}), catalog())
        assert isinstance(event, Event)
        read = json.dumps(resource).encode() if status == 200 else None
        found = Fetched("fetched" if read else "unavailable", status, "/api/v2/x", AT, read, None)
        made.append(Enriched(event, found))
    origin = Origin("https://acme.benchling.com", "c", "benchling", "0")
    for number, part in enumerate(draft(made, 10)):
        file_id = f"00000000-0000-4000-8000-{number:012}"
        file = compose(part, file_id, AT, origin)
        target = tmp_path / "demo-data" / "lake" / file.path
        target.parent.mkdir(parents=True)
        target.write_bytes(file.body)
    return tmp_path


def test_the_queries_of_the_guide_run_on_a_lake(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lake)
    guide = text_of("how-to/query-the-lake.md").partition("\n## Athena")[0]
    queries = [
        query.strip()
        for found in _FENCE.finditer(guide)
        if found[2] == "sql"
        for query in found[3].split(";\n")
        if query.strip()
    ]
    with duckdb.connect() as database:
        answers = [database.sql(query) for query in queries]
        rows = [answer.fetchall() for answer in answers if answer is not None]
    by_type, newest, fields, history, unread, doubles = rows[-6:]
    assert sorted((row[0], row[1]) for row in by_type) == [
        ("v2.assayRun.created", 1),
        ("v2.entry.created", 1),
        ("v2.entry.updated.fields", 1),
    ]
    assert [row[:2] for row in newest] == [("res_0", "Batch")]
    assert fields == [("res_2", "Yield", "1.5")]
    assert unread == [("entry", "unavailable", 1)]
    assert (history, doubles) == ([], [])


def test_the_queries_of_the_tutorial_run_on_a_lake(
    lake: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(lake)
    names: dict[str, object] = {}
    for block in fences("tutorial/first-run.md", "python"):
        exec(block, names)
    shown = capsys.readouterr().out
    assert "assayRun" in shown
    assert "unavailable" in shown


_NAMED_TEST = re.compile(r"`tests/(\S+?\.py)::(\w+)`")


def named_tests() -> list[tuple[str, str, str]]:
    """Every test that a page names: the page, the module and the function."""
    return [
        (str(page.relative_to(DOCS)), module, name)
        for page in sorted(DOCS.rglob("*.md"))
        for module, name in _NAMED_TEST.findall(page.read_text(encoding="utf-8"))
    ]


def test_the_promises_name_their_tests() -> None:
    assert len([page for page, _, _ in named_tests() if page == "explanation/delivery.md"]) >= 15


@pytest.mark.parametrize(("page", "module", "name"), named_tests())
def test_every_test_that_a_page_names_is_there(page: str, module: str, name: str) -> None:
    assert f"def {name}(" in (DOCS.parent / "tests" / module).read_text(encoding="utf-8")
