"""akwarden itself. Everything a function does is here; `functions/` only calls it.

Read in this order. Pure modules take values and the time, and touch nothing:

    refusals          every expected "no" as a value, with its HTTP status and sentence
    errors            the tree of exceptions
    timestamps        RFC 3339, strictly
    patterns          wildcard patterns compared with each other
    networks          source IPs, narrow and normalised
    use_cases         what people want a key for, and how to do without
    fields            strict reading of untrusted JSON
    tickets           the canonical ticket: parse, canonical form, digest
    deliveries        the body of a webhook: one meaning or a refusal
    key_text          finds AccessKeys that people paste into tickets
    config_tables     reading of config/*.toml that reports all problems at once
    rules             config/rules.toml: who may approve what, where
    templates         config/templates.toml: what may be asked for, linted
    approvals         does this ticket's approval count
    digests           what one window of the audit log held, as it is signed
    audit_verification   was the log changed after the fact: rows and digests in, findings out
    policies          from ticket and templates to the one policy document
"""
