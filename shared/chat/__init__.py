"""ChatOps: what people type, what they are answered, and the offers that buttons carry. Pure."""

LANGUAGES = ("en", "zh")  # that people are answered in
