"""Who may sign in to the REST service, and for how long: tokens, and refusals in Entra ID's words."""

import secrets
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

#: The directory that every token is for.
TENANT_ID = uuid.UUID("5f0c3b0e-0000-4000-8000-0000000000e0")


@dataclass(frozen=True)
class SignInRules:
    """The rules for a sign-in; an empty value allows anything.

    Attributes:
        app_id: The application's id.
        organization: The tenant's primary domain.
        thumbprint: The thumbprint of the application's certificate.
        token_seconds: How long a token is valid.
    """

    app_id: str = ""
    organization: str = ""
    thumbprint: str = ""
    token_seconds: float = 3600.0


class SignInRefused(Exception):
    """The sign-in is refused.

    Attributes:
        code: OAuth's short word for it.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class SignIn:
    """Issues tokens and checks them.

    Args:
        rules: What a sign-in must bring.
        clock: Tells the time in seconds since the epoch.
    """

    def __init__(self, rules: SignInRules, clock: Callable[[], float]) -> None:
        self._rules, self._clock = rules, clock
        self._lock = threading.Lock()
        self._expiry: dict[str, float] = {}

    def token(self, asked: Mapping[str, object]) -> dict[str, object]:
        """Return a new token for the client's request *asked*.

        Raises:
            SignInRefused: The application, its certificate or the organization is not known.
        """
        self._check({key: str(value) for key, value in asked.items()})
        token = secrets.token_urlsafe(24)
        now = self._clock()
        expires = now + self._rules.token_seconds
        with self._lock:
            self._expiry = {known: until for known, until in self._expiry.items() if until > now}
            self._expiry[token] = expires
        return {
            "token_type": "Bearer",
            "access_token": token,
            "expires_on": datetime.fromtimestamp(expires, UTC).isoformat(),
            "tenant_id": str(TENANT_ID),
        }

    def good(self, token: str) -> bool:
        """Return whether *token* was given and has not expired."""
        with self._lock:
            return self._expiry.get(token, 0.0) > self._clock()

    def _check(self, asked: Mapping[str, str]) -> None:
        rules = self._rules
        organization, app = asked.get("organization", ""), asked.get("client_id", "")
        if not organization or _differ(organization, rules.organization):
            raise SignInRefused(
                "invalid_request",
                f"AADSTS90002: Tenant '{organization}' not found. Check to make sure you have the correct "
                "tenant ID and are signing into the correct cloud. Check with your subscription "
                "administrator, this may happen if there are no active subscriptions for the tenant.",
            )
        if asked.get("managed_identity") == "True":
            return
        if not app or _differ(app, rules.app_id):
            raise SignInRefused(
                "unauthorized_client",
                f"AADSTS700016: Application with identifier '{app}' was not found in the directory "
                f"'{organization}'. This can happen if the application has not been installed by the "
                "administrator of the tenant or consented to by any user in the tenant. You may have sent "
                "your authentication request to the wrong tenant.",
            )
        thumbprint = asked.get("thumbprint", "")
        if not thumbprint or _differ(thumbprint, rules.thumbprint):
            raise SignInRefused(
                "invalid_client",
                "AADSTS700027: The certificate with identifier used to sign the client assertion is not "
                "registered on application. [Reason - The key was not found., Thumbprint of key used by "
                f"client: '{thumbprint}']",
            )


def _differ(given: str, wanted: str) -> bool:
    return bool(wanted) and given.casefold() != wanted.casefold()
