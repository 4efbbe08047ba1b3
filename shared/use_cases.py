"""The use cases of the console's "Create an AccessKey" dialog, each with its way without a key.

Source: RAM, "Create an AccessKey" (the dialog asks for the use case and recommends the
alternative) and "Best practices for using an access credential to call API operations".
"""

from __future__ import annotations

ALTERNATIVES: dict[str, str] = {
    "cli": (
        "Log on to the Alibaba Cloud CLI with CloudSSO, or use Cloud Shell: both work with "
        "temporary credentials."
    ),
    "local-code": (
        "Log on with CloudSSO and let the SDK's default credential chain find the temporary "
        "credentials, or assume a RAM role through STS AssumeRole."
    ),
    "cloud-workload": (
        "Let the workload use its own RAM role: an instance role on ECS and ECI, RRSA (OIDC) on "
        "ACK, a function role on Function Compute."
    ),
    "third-party": (
        "Let the third party assume a RAM role of a trusted account with an external ID, or use "
        "OIDC single sign-on if the product offers it."
    ),
    "ci-cd": (
        "Let the pipeline exchange its OIDC token for temporary credentials (STS "
        "AssumeRoleWithOIDC)."
    ),
    "on-premises": (
        "Let the application exchange a SAML or OIDC token of your identity provider, or a "
        "certificate (IDaaS, RAM Roles Anywhere), for temporary credentials."
    ),
    "other": (
        "See whether a RAM role and STS AssumeRole can do it; temporary credentials end by "
        "themselves."
    ),
}
