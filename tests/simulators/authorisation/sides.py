"""The endpoints beside the sign-in proper: profiles, keys made of a token, discovery, Google's projects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.simulators.authorisation import people
from tests.simulators.authorisation.grants import Family, Grants
from tests.simulators.authorisation.vendors import Vendor
from tests.simulators.connection import Request
from tests.simulators.refusal import Refusal

SIDES = ("profile", "user_info", "copilot_token", "load_code_assist", "onboard_user", "discovery")


class Sides:
    """Answers for whoever shows an access token.

    plans: whether Copilot is part of the person's plan. onboarded: whether Google has a project already; else it takes
    `onboarding` answers of an operation that is not done.
    """

    def __init__(self, grants: Grants, wall: Callable[[], float]) -> None:
        self._grants = grants
        self._wall = wall
        self.plans = True
        self.onboarded = True
        self.onboarding = 1

    def answer(self, sign_in: str, vendor: Vendor, endpoint: str, request: Request, base: str) -> dict[str, Any]:
        """The JSON of a good answer. base: the address of this vendor. Raises `Refusal`."""
        if endpoint == "discovery":
            return {
                "issuer": base,
                "token_endpoint": base + vendor.paths["token"],
                "device_authorization_endpoint": base + vendor.paths["device"],
                "authorization_endpoint": f"{base}/oauth2/authorize",
            }
        person = self._holder(sign_in, request).person
        if endpoint == "copilot_token":
            if not self.plans:
                raise Refusal(403, {"message": "Resource not accessible by integration", "status": "403"})
            return people.copilot_token(person, self._wall(), base)
        if endpoint == "load_code_assist":
            return self._assist(person)
        if endpoint == "onboard_user":
            return self._onboard(person)
        return people.profile(sign_in, person)

    def _holder(self, sign_in: str, request: Request) -> Family:
        """Whose token it is; GitHub also takes ``token``, iFlow takes it in the address."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if sign_in == "iflow":
            token = request.query.get("accessToken", "")
        elif scheme.lower() not in (("bearer", "token") if sign_in == "copilot" else ("bearer",)):
            token = ""
        for family in self._grants.families:
            if family.sign_in == sign_in and token in family.access and self._grants.accepts(token):
                return family
        raise Refusal(401, {"message": "Bad credentials", "status": "401"})

    def _assist(self, person: people.Person) -> dict[str, Any]:
        tiers = [{"id": "free-tier", "name": "Free", "isDefault": True}, {"id": "standard-tier", "name": "Standard"}]
        if not self.onboarded:
            return {"allowedTiers": tiers}
        return {"allowedTiers": tiers, "currentTier": tiers[0], "cloudaicompanionProject": person.project_id}

    def _onboard(self, person: people.Person) -> dict[str, Any]:
        if self.onboarding > 0:
            self.onboarding -= 1
            return {"name": "operations/onboard", "done": False}
        self.onboarded = True
        project = {"id": person.project_id, "name": person.project_id, "projectNumber": "1843"}
        return {"name": "operations/onboard", "done": True, "response": {"cloudaicompanionProject": project}}
