"""Function Compute: the functions of an s.yaml, run as FC runs them.

Read: `template` renders the s.yaml, `specification` says what a function is, `zygote` and `worker`
are what runs in the child processes, `processes` talks to them, `instances` keeps them, `tasks`
and `timers` invoke later, `front` and `http_trigger` answer requests, `runtime` ties it together.
"""
