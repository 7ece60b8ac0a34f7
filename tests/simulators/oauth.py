"""Google's token endpoint for service accounts: RFC 7523, and the account file that goes with it."""

from __future__ import annotations

import base64
import binascii
import json
import time
from typing import Any
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.simulators.refusal import Refusal
from tests.simulators.reply import Reply

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
EMAIL = "robot@sim-project.iam.gserviceaccount.com"


class TokenEndpoint:
    """Issues bearer tokens against signed assertions. `expires_in` seconds; `accepts` says what Vertex takes."""

    def __init__(self) -> None:
        self.expires_in = 3600
        self.issued: list[str] = []
        self.revoked: set[str] = set()
        self._key: rsa.RSAPrivateKey | None = None

    def account(self, token_uri: str) -> dict[str, str]:
        """A service account file whose assertions this endpoint takes."""
        if self._key is None:
            self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "type": "service_account",
            "project_id": "sim-project",
            "private_key_id": "key-1",
            "private_key": pem.decode(),
            "client_email": EMAIL,
            "client_id": "1",
            "token_uri": token_uri,
        }

    def accepts(self, token: str) -> bool:
        """Whether a bearer token is one of ours and still good."""
        return token in self.issued and token not in self.revoked

    def exchange(self, body: bytes, audience: str) -> Reply:
        """The answer to a token request; refuses as RFC 6749 section 5.2 says."""
        form = {key: values[0] for key, values in parse_qs(body.decode("utf-8", "replace")).items()}
        if form.get("grant_type") != GRANT:
            raise _refused("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type')}")
        self._verify(form.get("assertion", ""), audience)
        token = f"ya29.sim-{len(self.issued)}"
        self.issued.append(token)
        return Reply(body={"access_token": token, "expires_in": self.expires_in, "token_type": "Bearer"})

    def _verify(self, assertion: str, audience: str) -> None:
        try:
            head, claims, signature = assertion.split(".")
            header, content = _json(head), _json(claims)
            signed = _bytes(signature)
        except (ValueError, binascii.Error):
            raise _refused("invalid_grant", "Invalid JWT: Failed audience check or malformed.") from None
        if header.get("alg") != "RS256" or self._key is None:
            raise _refused("invalid_grant", "Invalid JWT Signature.")
        try:
            self._key.public_key().verify(signed, f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise _refused("invalid_grant", "Invalid JWT Signature.") from None
        now = time.time()
        if content.get("iss") != EMAIL:
            raise _refused("invalid_grant", "Invalid grant: account not found")
        if content.get("aud") != audience:
            raise _refused("invalid_grant", "Invalid JWT: Failed audience check.")
        if SCOPE not in str(content.get("scope", "")).split():
            raise _refused("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        if not (content.get("iat", 0) <= now + 60 and now < content.get("exp", 0) <= content.get("iat", 0) + 3600):
            raise _refused(
                "invalid_grant",
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a "
                "reasonable timeframe. Check your iat and exp values in the JWT claim.",
            )


def _refused(error: str, description: str) -> Refusal:
    return Refusal(400, {"error": error, "error_description": description})


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _json(text: str) -> dict[str, Any]:
    value = json.loads(_bytes(text))
    if not isinstance(value, dict):
        raise ValueError("a JWT holds objects")
    return value
