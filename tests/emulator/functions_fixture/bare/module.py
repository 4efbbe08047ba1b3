"""In a directory without `__init__.py`: FC's loader does not find it."""


def handler(event, context):  # type: ignore[no-untyped-def]
    return "unreachable"
