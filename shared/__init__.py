"""akwarden itself. Everything a function does is here; `functions/` only calls it.

Read in this order. Pure modules take values and the time, and touch nothing:

    refusals          every expected "no" as a value, with its HTTP status and sentence
    errors            the tree of exceptions
    naming            every name that akwarden gives
    secrecy           a type that hides what it holds
    timestamps        RFC 3339, strictly
    patterns          wildcard patterns compared with each other
    networks          source IPs, narrow and normalised
    use_cases         what people want a key for, and how to do without
    fields            strict reading of untrusted JSON
    tickets           the canonical ticket: parse, canonical form, digest
    deliveries        the body of a webhook: one meaning or a refusal
    hints             a source says that a record of its may be decided
    places            config/sources.toml: where approvals come from, what each may ask for
    people            config/people.toml: who somebody is in each channel
    audiences         config/notifications.toml: who is told what happened, unasked
    forms             what somebody filled in, as a ticket's content
    vendor_secrets    what operators keep in KMS for a vendor
    sources           one file per approval source: is this request signed, what does it hint at
    records           one file per vendor: what its record says
    http_event        the HTTP trigger's event and answer
    key_text          finds AccessKeys that people paste into tickets
    config_tables     reading of config/*.toml that reports all problems at once
    rules             config/rules.toml: who may approve what, where
    templates         config/templates.toml: what may be asked for, linted
    lifecycle         config/lifecycle.toml: how long keys last
    approvals         does this ticket's approval count
    policies          from ticket and templates to the one policy document
    grants            what an approved ticket promises, and the tags that carry it
    extension         a later end beside a grant, signed
    amendment         another content of a grant, signed
    ledger            a grant read back from its user, if it is signed
    secret_documents  what is written into KMS
    chat              grammar of commands, the form, offers in buttons, messages, words
    audit             the rows of the audit log, and their chain
    notices           what people are told unasked, from rows
    ports             what the use cases ask of the cloud

Issuing, `resumption` and `limits` pure:

    intake            a webhook: verify, parse, refuse, hand over
    listening         a vendor's event: verify, open, hand its hint over
    fetching          from the hint to the vendor's record, and to its ticket
    missed_records    by timer: decisions and withdrawals of which no event came
    event_intake      an event from the bus: read, refuse on record, hand over
    chatting          a chat's message: verify, drop what holds a key, answer or hand over; of
                      one that is not signed nothing goes to who acts
    commanding/       requests, votes, rotation and end, as asked for in a chat
    lookups           what is somebody's own, shown in a chat
    notifying         by timer: each thing told to each address once
    chat_log          requests, votes and grants, read from the audit log
    rejections        what was seen to be rejected stays so
    handover          from one function to the next, under a task id
    refused_deliveries   signed, and refused: handed over to who may write the log
    casework          a ticket in the worker: decide again, plan, issue
    broker            the ports and terms of one invocation
    issuance          the saga, in order
    key_making        a new key until it is stored
    ticket_leases     a ticket's turn, and the memory that it is used
    resumption        what an attempt finds, and what is left to do
    limits            how many grants there may be, and are
    recycled_names    a name that a deleted user still holds
    leases            one run at a time
    steps             announced changes, and how each ended
    audit_outbox      rows that were not acknowledged go again

Living with a key; `rotation`, `rotation_log`, `inventory`, `expiry`, `hygiene`, `drift` and
`upkeep` pure:

    rotation_runs     whose turn it is, and what was asked for
    rotating          one user's rotation, in order
    rotation          where it is, and what is due
    rotation_log      what only the audit log knows of it
    inventory         a row per key and day
    changing          a new ticket changes a live grant: what is common to
    extending         its end, put off, and
    amending          its permissions and addresses
    expiry            which grants are over, or nearly
    ending            the sweep's care for that
    hygiene           rules about keys that nobody needs
    drift             is a policy still the approved one
    upkeep            what both lead to
    housekeeping      the daily look at each user

The account as a whole:

    posture/          what is wrong with it, control by control

Revoking; `reasons`, `orders`, `selection`, `removal` and `recycling` are pure:

    reasons           why a grant ends, and what follows
    revocation        the end of one grant, in order
    removal           what is this ticket's, and therefore goes
    teardown          by which call
    recycling         what could be restored
    purging           nothing restorable, and the proof
    orders            which grants are to end; a leak's event
    selection         from an order to its grants
    bulk_revocation   an order carried out
    order_runs        one run of it

Sweeping; `candidates`, `ownership`, `late_results` and `reconciliation` are pure:

    cleanup           a sweep, in order
    sweeps            its means and its reading
    candidates        where it looks
    ownership         what the log proves to be ours
    late_results      results that nobody wrote
    reconciliation    what is left to do
    clearing          doing it

Verifying; all pure but `sealing` and `examination`:

    digests           what one window of the audit log held, as it is signed
    sealing           sign a digest of every window
    examination       read log and digests as an auditor
    audit_verification   was the log changed after the fact: rows and digests in, findings out
    audit_places      the digests themselves
    findings          the classes of findings

Put together: `settings` (read once), `adapters` (one call each), `bootstrap` (per invocation).
"""
