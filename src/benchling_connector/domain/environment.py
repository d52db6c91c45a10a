"""How the environment names the keys of the configuration, and those of the platform."""

__all__ = [
    "ENVIRONMENT_PREFIX",
    "OIDC_KEYS",
    "PLATFORM_KEY",
    "PLATFORM_KEY_FILE",
    "PLATFORM_VARIABLES",
]

ENVIRONMENT_PREFIX = "BENCHLING_CONNECTOR_"

OIDC_KEYS = {
    "oidc_issuer": "The OpenID Connect issuer's URL",
    "oidc_client_id": "The platform's client ID at the issuer",
    "oidc_client_secret": "The client secret; none for a public client",
    "oidc_client_secret_file": "A file that holds it",
    "oidc_role_claim": "The claim that holds a person's groups",
    "oidc_roles": "Groups and their roles: lab-admins=admin,lab=viewer",
}
"""What `serve` takes from the environment only; a connector's configuration has none of them."""

PLATFORM_KEY = f"{ENVIRONMENT_PREFIX}PLATFORM_KEY"
PLATFORM_KEY_FILE = f"{ENVIRONMENT_PREFIX}PLATFORM_KEY_FILE"

PLATFORM_VARIABLES = frozenset({PLATFORM_KEY, PLATFORM_KEY_FILE})
"""Of the platform: no keys of a connector's configuration."""
