"""What ministack 1.5.33 lacks of AWS for a Benchling subscription, and how it is mended.

Each function here takes something of ministack's and gives it back as AWS has it:

- `PutEvents` keeps the time that an entry carries.
- `PutPartnerEvents` delivers to the bus of the same name, with the entry's own time, and drops
  what no bus is associated with; a partner bus has to be named like its source.
- What a rule may not or cannot deliver goes to its target's dead-letter queue, or is lost.
- `aws:PrincipalArn` of an assumed role is the role's ARN, and the way over loopback counts as TLS.
- A long poll ends when its client has gone, and when the server stops; either takes no message.
"""

# ruff: noqa: SLF001, ANN401 - ministack has no public names for any of this, and no types

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

PARTNER_PREFIX = "aws.partner/"

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Message, Receive, Send], Awaitable[None]]

_ASSUMED_ROLE = re.compile(r"^arn:([^:]+):sts::(\d{12}):assumed-role/([^/]+)/.*$")


def mend(stopping: asyncio.Event) -> None:
    """Mends ministack in this process; `stopping` is set when the server is to end."""
    from ministack.core import iam_evaluator
    from ministack.services import eventbridge, sqs
    from ministack.services.cloudformation import provisioners

    eventbridge._put_events = _with_own_time(eventbridge._put_events)
    eventbridge._put_partner_events = _put_partner_events
    eventbridge._invoke_target = _with_dead_letters(eventbridge._invoke_target)
    iam_evaluator._resolve_condition_key = _with_role_arn(iam_evaluator._resolve_condition_key)
    buses = provisioners._RESOURCE_HANDLERS["AWS::Events::EventBus"]
    buses["create"] = _checked_bus(buses["create"])
    sqs._HANDLERS["ReceiveMessage"] = _ending_with_server(sqs._HANDLERS["ReceiveMessage"], stopping)


def over_loopback(app: AsgiApp) -> AsgiApp:
    """The ASGI application as clients on this machine should meet it."""
    return _counting_as_tls(_ending_with_client(app))


def _with_own_time(put: Callable[..., Any]) -> Callable[..., Any]:
    from ministack.core.responses import json_response
    from ministack.services import eventbridge

    now = eventbridge._now_ts
    own: float | None = None
    eventbridge._now_ts = lambda: now() if own is None else own

    def put_events(data: dict[str, Any], *args: Any, **keywords: Any) -> Any:
        nonlocal own
        entries = data.get("Entries", [])
        if len(entries) > 10 or not any("Time" in entry for entry in entries):
            return put(data, *args, **keywords)
        results: list[Message] = []
        for entry in entries:
            own = entry.get("Time")
            try:
                _, _, answer = put({**data, "Entries": [entry]}, *args, **keywords)
            finally:
                own = None
            results += json.loads(answer)["Entries"]
        failed = sum("ErrorCode" in result for result in results)
        return json_response({"FailedEntryCount": failed, "Entries": results})

    return put_events


def _put_partner_events(data: dict[str, Any]) -> Any:
    from ministack.core.responses import get_account_id, get_region, json_response, new_uuid
    from ministack.services import eventbridge

    results: list[dict[str, str]] = []
    for entry in data.get("Entries", []):
        source = entry.get("Source", "")
        if not source.startswith(PARTNER_PREFIX):
            sentence = f"Source {source!r} is not a partner event source."
            results.append({"ErrorCode": "InvalidArgument", "ErrorMessage": sentence})
            continue
        event_id = new_uuid()
        results.append({"EventId": event_id})
        time = entry.get("Time")
        eventbridge._dispatch_event(
            {
                "EventId": event_id,
                "Source": source,
                "DetailType": entry.get("DetailType", ""),
                "Detail": entry.get("Detail", "{}"),
                "EventBusName": source,
                "Time": int(eventbridge._now_ts() if time is None else time),
                "Resources": entry.get("Resources", []),
                "Account": get_account_id(),
                "Region": get_region(),
            }
        )
    failed = sum("ErrorCode" in result for result in results)
    return json_response({"FailedEntryCount": failed, "Entries": results})


def _with_dead_letters(invoke: Callable[..., None]) -> Callable[..., None]:
    from ministack.core.arn import parse_arn
    from ministack.core.responses import get_account_id
    from ministack.services import eventbridge, sqs

    def refusal(queue: str, rule: str) -> str | None:
        if sqs._queue_by_arn(queue) is None:
            return "NO_RESOURCE"
        allowed = sqs.queue_policy_allows(queue, "events.amazonaws.com", rule, get_account_id())
        return None if allowed else "NO_PERMISSIONS"

    def invoke_target(
        target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None
    ) -> None:
        queue, rule_arn = target.get("Arn", ""), rule.get("Arn", "")
        code = refusal(queue, rule_arn) if ":sqs:" in queue else None
        if code is None:
            invoke(target, event, rule, view)
            return
        dead_letters = target.get("DeadLetterConfig", {}).get("Arn", "")
        if not dead_letters or refusal(dead_letters, rule_arn):
            return
        view = view or eventbridge._pattern_event_view(event)
        eventbridge._dispatch_to_sqs(parse_arn(dead_letters), json.dumps(view.event_with_detail()))
        facts = {"RULE_ARN": rule_arn, "TARGET_ARN": queue, "ERROR_CODE": code}
        sqs._queue_by_arn(dead_letters)["messages"][-1]["message_attributes"] = {
            name: {"DataType": "String", "StringValue": value} for name, value in facts.items()
        }

    return invoke_target


def _with_role_arn(resolve: Callable[..., Any]) -> Callable[..., Any]:
    def resolve_key(key: str, context: Any) -> Any:
        value = resolve(key, context)
        if key.lower() == "aws:principalarn" and isinstance(value, str):
            return _ASSUMED_ROLE.sub(r"arn:\1:iam::\2:role/\3", value)
        return value

    return resolve_key


def _checked_bus(create: Callable[..., Any]) -> Callable[..., Any]:
    def create_bus(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        name, source = props.get("Name", ""), props.get("EventSourceName")
        if (name.startswith(PARTNER_PREFIX) or source is not None) and name != source:
            raise ValueError(f"The name of a partner event bus must be its source's: {source!r}")
        return create(logical_id, props, stack_name)

    return create_bus


def _ending_with_server(
    receive: Callable[..., Awaitable[Message]], stopping: asyncio.Event
) -> Callable[..., Awaitable[Message]]:
    polls: set[asyncio.Future[Message]] = set()
    watchers: list[asyncio.Task[None]] = []

    async def end_polls() -> None:
        await stopping.wait()
        for poll in polls:
            poll.cancel()

    async def receive_message(data: dict[str, Any], queue_url: str) -> Message:
        if not watchers:
            watchers.append(asyncio.create_task(end_polls()))
        poll = asyncio.ensure_future(receive(data, queue_url))
        polls.add(poll)
        try:
            # A poll sleeps only while it holds no message, so ending it there loses none.
            return await poll
        except asyncio.CancelledError:
            if stopping.is_set():
                return {}
            raise
        finally:
            polls.discard(poll)

    return receive_message


def _ending_with_client(app: AsgiApp) -> AsgiApp:
    async def served(scope: Message, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        if headers.get(b"x-amz-target") != b"AmazonSQS.ReceiveMessage":
            await app(scope, receive, send)
            return
        body = [await receive()]
        while body[-1].get("more_body"):
            body.append(await receive())
        unread = iter(body)

        async def replay() -> Message:
            return next(unread)

        work = asyncio.ensure_future(app(scope, replay, send))
        gone = asyncio.ensure_future(receive())
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not work.done():
            work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work

    return served


def _counting_as_tls(app: AsgiApp) -> AsgiApp:
    header = b"x-forwarded-proto"

    async def served(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and all(name != header for name, _ in scope["headers"]):
            scope = {**scope, "headers": [*scope["headers"], (header, b"https")]}
        await app(scope, receive, send)

    return served
