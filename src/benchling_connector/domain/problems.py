"""The table of codes: what each means to a person, and what to do about it.

First the errors' (`errors.py`), family by family, then those of mere warnings. Each stands in
`docs/troubleshooting.md` too, under a heading that is the code.
"""

from dataclasses import dataclass

__all__ = ["PROBLEMS", "TROUBLESHOOTING", "Problem"]

TROUBLESHOOTING = "docs/troubleshooting.md"


@dataclass(frozen=True, slots=True)
class Problem:
    """What a code means to a person, and what to do about it."""

    title: str
    remedy: str


PROBLEMS: dict[str, Problem] = {
    # Configuration: somebody has to mend it.
    "configuration-invalid": Problem(
        "The configuration is not valid.",
        "Correct the keys named in the message.",
    ),
    "client-secret-missing": Problem(
        "The client secret is empty.",
        "Write the secret into the place that the message names; the connector looks there every "
        "few seconds and begins by itself. An environment variable takes a restart.",
    ),
    "benchling-credentials-refused": Problem(
        "Benchling refuses the client ID or the client secret.",
        "Copy both again from the app's page in Benchling (Developer Console, your app, "
        "Client credentials); a secret that was rotated is refused from that moment on. A running "
        "connector reads its files again by itself.",
    ),
    "benchling-not-a-tenant": Problem(
        "The Benchling URL leads to something that is not a Benchling tenant.",
        "Write the tenant's own address, as your browser shows it: https://acme.benchling.com.",
    ),
    "benchling-tls": Problem(
        "The certificate that Benchling's host shows cannot be verified.",
        "Check the host name and, if a proxy of yours ends TLS, name the file of its certificate "
        "authority in ca_bundle.",
    ),
    "queue-not-found": Problem(
        "The SQS queue does not exist.",
        "Copy the queue's URL from the SQS console, and check that aws_region is its Region.",
    ),
    "queue-access-denied": Problem(
        "AWS does not allow this identity to use the queue.",
        "Allow sqs:ReceiveMessage, sqs:DeleteMessage and (better) sqs:ChangeMessageVisibility and "
        "sqs:GetQueueAttributes on the queue to the identity that the connector runs as.",
    ),
    "queue-send-denied": Problem(
        "AWS does not allow this identity to send to the queue.",
        "Allow sqs:SendMessage on the queue (and kms:GenerateDataKey where it has a key of its "
        "own) to the identity that you run this verb as. The connector itself does not need it.",
    ),
    "dead-letter-queue-missing": Problem(
        "The queue has no dead-letter queue.",
        "Give the queue a redrive policy, as the template does, or name the dead-letter queue "
        "with --dlq-url.",
    ),
    "dead-letter-access-denied": Problem(
        "AWS does not allow this identity to use the dead-letter queue.",
        "Allow sqs:ReceiveMessage, sqs:ChangeMessageVisibility and (to move messages) "
        "sqs:DeleteMessage on the dead-letter queue to the identity that you run this verb as, "
        "and sqs:GetQueueAttributes on both queues; without the latter name it with --dlq-url.",
    ),
    "queue-tls": Problem(
        "The certificate that the host of SQS shows cannot be verified.",
        "If a proxy of yours ends TLS, or the endpoint is your own, name the file of its "
        "certificate authority in ca_bundle.",
    ),
    "aws-credentials-missing": Problem(
        "No AWS credentials were found.",
        "Give the process an identity: a role (ECS task, EC2 instance, service account), a "
        "profile, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in its environment.",
    ),
    "aws-credentials-refused": Problem(
        "AWS refuses the credentials themselves.",
        "Check that they are not expired or mistyped, and that this machine's clock is right.",
    ),
    "lake-not-found": Problem(
        "The bucket or folder of the lake does not exist.",
        "Create it, or correct lake_url.",
    ),
    "lake-access-denied": Problem(
        "The lake may not be written by this identity.",
        "Allow s3:PutObject, s3:GetObject and s3:ListBucket below lake_url (or write permission on "
        "the folder).",
    ),
    "lake-tls": Problem(
        "The certificate that the host of the lake shows cannot be verified.",
        "If a proxy of yours ends TLS, or the store is your own, name the file of its certificate "
        "authority in ca_bundle.",
    ),
    "database-schema-newer": Problem(
        "The database was made by a newer version of the connector.",
        "Run the version that made it, or restore the backup taken before the upgrade.",
    ),
    "secrets-undecryptable": Problem(
        "The platform's secrets cannot be decrypted.",
        "Give back the key that they were encrypted with, from your backup of it. If it is lost, "
        "so are the secrets: `benchling-connector keys rotate --discard-lost` makes a new key and "
        "drops them; then save each configuration again, with its secrets.",
    ),
    # Transient: it passes.
    "benchling-unreachable": Problem(
        "Benchling's host cannot be reached.",
        "Check DNS, the firewall and the proxy between here and the tenant; the connector goes on "
        "by itself when it is back.",
    ),
    "benchling-failing": Problem(
        "Benchling answers with errors of its own.",
        "Wait: the connector tries again by itself. See Benchling's status page; maintenance is "
        "on the last Saturday of a month.",
    ),
    "benchling-unexpected-answer": Problem(
        "Benchling answered something that is not the JSON it documents.",
        "Wait: a page of HTML means maintenance or a proxy in between. If it lasts, open the "
        "tenant's URL in a browser from this machine.",
    ),
    "benchling-rate-limited": Problem(
        "Benchling answers 429 (too many requests) for longer than it should.",
        "Another app of the tenant may use up its budget; lower api_requests_per_30s to leave "
        "room, or ask Benchling to raise the limit.",
    ),
    "proxy-failing": Problem(
        "The proxy on the way does not let the connector through.",
        "Check address, user and password in HTTPS_PROXY (HTTP_PROXY for http://), and that the "
        "proxy allows this host; hosts named in NO_PROXY are asked directly.",
    ),
    "queue-failing": Problem(
        "SQS cannot be reached or answers with errors.",
        "Check the network between here and AWS; the connector goes on by itself when it is back.",
    ),
    "lake-failing": Problem(
        "The lake cannot be written at present.",
        "Check the disk's free space or the object store's status; the connector tries again.",
    ),
    "database-failing": Problem(
        "The database cannot be used at present.",
        "Check that it runs, can be reached, has free space, and may be used by this user; the "
        "connector tries again.",
    ),
    "alert-not-delivered": Problem(
        "A notice of an alert could not be delivered.",
        "Check the channel's address and secrets with its test button or `alerts channels test`; "
        "the notice is tried again for a day.",
    ),
    "claim-lost": Problem(
        "Another worker took the event over, because this one seemed dead.",
        "Nothing is lost. If it happens often, the machine is too busy for its workers, or the "
        "clocks of the machines differ.",
    ),
    "worker-failing": Problem(
        "The connector's worker process ended by itself.",
        "Look at the end of its log, `logs/<connector ID>.log` in the platform's data directory; "
        "it is started again by itself, with growing pauses.",
    ),
    "command-interrupted": Problem(
        "The worker that carried it out ended before it was done.",
        "Look at what was done by then, and send the command again.",
    ),
    "worker-silent": Problem(
        "No worker of the connector was heard of for 90 seconds, and none said that it ends.",
        "Look at the machine and the log of its last worker. A worker of the platform's own is "
        "started again by `serve`; start others yourself.",
    ),
    "connector-failing": Problem(
        "A fault of the connector's own.",
        "Please report it with the log line above it; the connector tries again.",
    ),
    # Permanent: this message can never succeed.
    "event-not-text": Problem(
        "The message body is not valid Unicode text.",
        "Look at the raw bytes; something else than EventBridge writes to this queue.",
    ),
    "event-not-json": Problem(
        "The message body is not JSON.",
        "Look at the raw bytes; something else than EventBridge writes to this queue.",
    ),
    "event-not-an-object": Problem(
        "The message body is JSON, but not an object.",
        "Look at the raw bytes; something else than EventBridge writes to this queue.",
    ),
    "event-webhook": Problem(
        "The message is a Benchling webhook, not an EventBridge event.",
        "Send webhooks elsewhere: this queue takes what the EventBridge rule delivers.",
    ),
    "event-without-detail": Problem(
        "The message has no EventBridge detail object.",
        "Check that the rule passes the matched event on whole, without an input transformer.",
    ),
    "event-without-id": Problem(
        "The event's detail has no event ID.",
        "Check who publishes to the bus: Benchling's events always have one.",
    ),
    "event-without-type": Problem(
        "The event's detail has no event type of the form version.resource.what.",
        "Check who publishes to the bus: Benchling's events always have one.",
    ),
    "event-bad-identifier": Problem(
        "An identifier in the event is too long or has characters no identifier has.",
        "Check who publishes to the bus: Benchling's identifiers are short and printable.",
    ),
    "event-id-reused": Problem(
        "An event ID that is known already came with other content.",
        "Compare the message with the stored event of that ID; Benchling gives each event its own.",
    ),
    "message-not-sendable": Problem(
        "SQS does not take this message.",
        "Look at its bytes: SQS takes text without control characters, up to the queue's maximum "
        "size. It stays where it is; discard it if nothing of it is needed.",
    ),
    # Refused: not possible as things are; nothing was changed.
    "connector-disabled": Problem(
        "The connector is disabled.",
        "Enable it first.",
    ),
    "connector-enabled": Problem(
        "The connector is enabled, and only a disabled one can be deleted.",
        "Disable it first: its workers end, and nothing is lost.",
    ),
    "connector-not-configured": Problem(
        "The connector has no configuration yet.",
        "Save a configuration first, then start it.",
    ),
    "queue-taken": Problem(
        "Another connector takes from this queue.",
        "Give each connector a queue of its own: on one queue each would take the other's events. "
        "A connector that is not needed any more gives its queue back when it is deleted. To work "
        "faster, start more workers of one connector.",
    ),
    "configuration-changed": Problem(
        "Somebody else has saved a configuration in the meantime.",
        "Look at the difference, and save yours again on top of the newest version.",
    ),
    "account-name-invalid": Problem(
        "This cannot be the name of an account.",
        "Take letters, digits and the characters . _ @ + -, at most 100 of them, a letter or digit "
        "first.",
    ),
    "account-name-taken": Problem(
        "There is an account of this name already.",
        "Take another name. A disabled account keeps its name, since the audit speaks of it; "
        "enable it instead.",
    ),
    "account-last-admin": Problem(
        "This is the last administrator who can still sign in.",
        "Make somebody else an administrator first.",
    ),
    "password-refused": Problem(
        "The password is too easy to guess.",
        "Take at least 12 characters, and not the account's name; a few words in a row are good.",
    ),
    "connector-unknown": Problem(
        "There is no such connector.",
        "Look at `benchling-connector connectors ls`: a deleted connector is none any more.",
    ),
    "configuration-version-unknown": Problem(
        "The connector's configuration has no such version.",
        "Look at `benchling-connector connectors history ID`.",
    ),
    "command-unknown": Problem(
        "There is no such command.",
        "Look at `benchling-connector commands ls`.",
    ),
    "request-invalid": Problem(
        "What was sent is not valid.",
        "Correct the fields named in the message.",
    ),
    "idempotency-key-reused": Problem(
        "The idempotency key belongs to another request.",
        "Take a new key for every new thing, and the same one only to send the same again.",
    ),
    "alert-channel-taken": Problem(
        "There is a channel of this name already.",
        "Take another name, or remove that channel first.",
    ),
    "alert-channel-unknown": Problem(
        "There is no such channel.",
        "Look at `benchling-connector alerts channels ls`.",
    ),
    "alert-channels-too-many": Problem(
        "There are 100 channels already, and every alert goes to each.",
        "Remove one, or let one webhook or topic pass alerts on to many.",
    ),
    # Warnings: it works, but somebody should know.
    "dead-letters-waiting": Problem(
        "There are messages in the dead-letter queue.",
        "Look at them with `benchling-connector dlq peek`, and move them back with `dlq redrive` "
        "once the cause is mended.",
    ),
    "no-events": Problem(
        "No event has come for longer than usual.",
        "Check in Benchling that the subscription is there and active, and in AWS that the rule "
        "of the event bus sends to this queue. If the tenant is merely quiet, raise the limit.",
    ),
    "events-expiring": Problem(
        "Events wait on the queue and will be lost when its retention is over.",
        "Start the connector, or mend what keeps it from working: the queue keeps a message for "
        "14 days at the most, and Benchling sends it only once.",
    ),
    "file-refused": Problem(
        "The lake refuses a RAW file, and takes others.",
        "Mend what the lake says (a folder's permissions, a policy of the bucket, a file in a "
        "folder's place), then run `benchling-connector files retry --all`. Its events stay in "
        "flight until then, and all other files are written.",
    ),
    "messages-quarantined": Problem(
        "Messages were put into quarantine within the last hour.",
        "Look at them with `benchling-connector quarantine ls`: each has its raw body and the "
        "reason.",
    ),
    "queue-visibility-denied": Problem(
        "The queue's policy does not allow this identity to change a message's visibility.",
        "Allow sqs:ChangeMessageVisibility on the queue. Without it everything works, but what "
        "fails comes back only after the queue's visibility timeout, and long work is handed out "
        "twice.",
    ),
    "tls-verification-off": Problem(
        "TLS verification for Benchling is switched off.",
        "Set disable_ssl_verification to false, and name the file of your proxy's certificate "
        "authority in ca_bundle instead.",
    ),
    "interface-ids-no-effect": Problem(
        "sample_result_export_interface_ids has no effect.",
        "Leave it out: it belongs to another connector, and is accepted for the sake of forms "
        "that ask for it.",
    ),
    "benchling-nothing-readable": Problem(
        "Benchling accepts the app, but does not let it read anything yet.",
        "Add the app to an organisation, team or project in Benchling: a new app sees nothing, "
        "and its events are stored without their resources.",
    ),
    "lake-permissions-incomplete": Problem(
        "The lake can be written and read, but not everything that helps is allowed.",
        "Allow s3:ListBucket, so that a missing object is told from a forbidden one after a "
        "crash, and s3:DeleteObject below `_check/` and `_probe/`, so that nothing stays there.",
    ),
    "clock-skew": Problem(
        "This machine's clock differs from the time of the services.",
        "Switch on time synchronisation (NTP): AWS refuses signatures of a wrong clock, and "
        "tokens seem to end too early or too late.",
    ),
    "queue-attributes-unread": Problem(
        "The queue's attributes may not be read by this identity.",
        "Allow sqs:GetQueueAttributes, so that the connector knows the visibility timeout; it "
        "takes 300 seconds until then.",
    ),
    "queue-without-redrive": Problem(
        "The queue has no dead-letter queue, or sends messages there too soon.",
        "Give the queue a redrive policy with a maximum receive count of about 100: fewer, and a "
        "short outage of Benchling moves good events to the dead-letter queue.",
    ),
    "queue-visibility-timeout": Problem(
        "The queue's visibility timeout is unusually short or long.",
        "Set it to about 300 seconds: shorter, and messages are handed out twice under load; "
        "longer, and a message waits long for its next try when the machine dies.",
    ),
}
