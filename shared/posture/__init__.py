"""What is wrong with the account's users, keys and permissions, ours or not; read-only.

    facts        what was read of the account, each part known or not
    report       the credential report, parsed
    documents    what a policy document allows
    judging      a control, and how it is judged
    account      controls about the account itself and its passwords
    users        controls about users and their keys
    permissions  controls about attached policies
    controls     all of them
    reading      from the cloud to the facts
    rows         from the judgement to the audit log

Everything but `reading` is pure.
"""
