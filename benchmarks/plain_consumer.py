"""The peer: a plain consumer, as one writes it in an afternoon.

aiobotocore and aiohttp, four workers, one GET per event, one file per event, no ledger, no
retries but of what is answered 429, when its window is over. Ends when the queue has been empty
for two seconds; prints when its first messages came and its last file was written.
"""

import asyncio
import json
import math
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from benchling_connector.domain.catalog import catalog

WORKERS = 4


def path_of(detail: dict[str, Any]) -> str | None:
    known = catalog().event_types.get(detail["eventType"])
    if known is None:
        return None
    payload = detail[known.payload_key]
    if known.family == "entity.*":
        return str(urlsplit(payload["apiURL"]).path)
    return catalog().families[known.family].path_of(payload["id"])


async def main(tenant: str, client_id: str, secret: str, queue_url: str, lake: Path) -> None:
    endpoint = "{0.scheme}://{0.netloc}".format(urlsplit(queue_url))
    config = AioConfig(max_pool_connections=16)
    async with (
        get_session().create_client("sqs", endpoint_url=endpoint, config=config) as sqs,
        aiohttp.ClientSession(tenant) as session,
    ):
        login = aiohttp.BasicAuth(client_id, secret)
        form = {"grant_type": "client_credentials"}
        async with session.post("/api/v2/token", auth=login, data=form) as answer:
            token = (await answer.json())["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        first, last = math.inf, 0.0

        async def read(path: str) -> bytes:
            while True:
                async with session.get(path, headers=headers) as answer:
                    if answer.status != 429:
                        return await answer.read()
                    pause = float(answer.headers["x-rate-limit-reset"])
                await asyncio.sleep(pause)

        async def handle(message: dict[str, Any]) -> None:
            detail = json.loads(message["Body"])["detail"]
            path = path_of(detail)
            resource = b"null" if path is None else await read(path)
            document = f'{{"event": {message["Body"]}, "resource": '.encode() + resource + b"}"
            (lake / f"{detail['id']}.json").write_bytes(document)

        async def work() -> None:
            nonlocal first, last
            while True:
                received = await sqs.receive_message(
                    QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=2
                )
                messages = received.get("Messages", [])
                if not messages:
                    return
                first = min(first, time.time())
                await asyncio.gather(*(handle(message) for message in messages))
                last = time.time()
                await sqs.delete_message_batch(
                    QueueUrl=queue_url,
                    Entries=[
                        {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]}
                        for n, message in enumerate(messages)
                    ],
                )

        await asyncio.gather(*(work() for _ in range(WORKERS)))
        print(json.dumps({"first": first, "last": last}))


if __name__ == "__main__":
    _, tenant_url, client, secret_text, queue, folder = sys.argv
    asyncio.run(main(tenant_url, client, secret_text, queue, Path(folder)))
