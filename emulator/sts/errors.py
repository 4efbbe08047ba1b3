"""STS's documented refusals. Source: STS, AssumeRole, "Error codes"."""

from __future__ import annotations

from emulator.errors import ProductError


def malformed(name: str) -> ProductError:
    """400 InvalidParameter.<name>: RoleArn, RoleSessionName (the others are ours)."""
    return ProductError(
        400, f"InvalidParameter.{name}", f"The parameter {name} is wrongly formed."
    )


def duration_out_of_range(longest_seconds: int) -> ProductError:
    return ProductError(
        400, "InvalidParameter.DurationSeconds",
        f"The Min/Max value of DurationSeconds is 15min/{longest_seconds // 60}min.",
    )


def policy_grammar() -> ProductError:
    return ProductError(
        400, "InvalidParameter.PolicyGrammar",
        "The parameter Policy has not passed grammar check.",
    )


def policy_size(longest: int) -> ProductError:
    return ProductError(
        400, "InvalidParameter.PolicySize",
        f"The size of Policy must be smaller than {longest} bytes.",
    )


def root_refused() -> ProductError:
    return ProductError(403, "NoPermission", "Roles may not be assumed by root accounts.")


def role_not_exist() -> ProductError:
    return ProductError(404, "EntityNotExist.Role", "The specified Role not exists.")
