"""A router with a secret in every slot: which slots there are, and how they are filled.

A new slot is a line in one of the tables.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from router.accounts.credential import Credential
from router.accounts.stores.files import FileStore
from router.clock import SystemClock
from router.secret import Secret
from router.vault.keys import account_vault
from tests.ports import free_port
from tests.router.api.harness import Answer, Running, running
from tests.router.api.leaks import STEM, Canary, planted
from tests.router.api.parrot import Parrot, Proxy, TokenParrot, written
from tests.router.api.subscribed import HOSTS, facts_of
from tests.simulators.authorisation.vendors import SECRET
from tests.simulators.ctonew import CtoNew

LABEL = "ada@example.org"
PROXY = "proxy"
"""In place of a shape: the address of a proxy, with the secret as its password."""
SETTINGS: Mapping[str, str] = {
    "auth.keys.0.key": "sk-client-*",
    "auth.management.key": "sk-management-*",
    "providers.openai.api_keys.0.key": "sk-sim-openai-*",
    "providers.openai.api_keys.0.proxy": PROXY,
    "network.proxy": PROXY,
    "providers.openai.headers.x-house": "house-*",
    "providers.anthropic.proxy": PROXY,
    "models.combos.smart.proxy": PROXY,
    "providers.claude_oauth.headers.x-house": "house-*",
    "providers.ctonew.headers.x-house": "house-*",
}
"""Where a secret stands in the settings, by dotted path."""
FILES: Mapping[str, str] = {
    "keys/anthropic": "sk-ant-sim-*",
    "state/keys/client.key": "sk-sy-*",
    "state/keys/management.key": "sk-sy-manages-*",
    "state/keys/service.key": "sk-sy-serves-*",
    "state/keys/relay.key": "sk-sy-relays-*",
}
"""Files with nothing but a secret in them."""
ENVIRON: Mapping[str, str] = {
    "GEMINI_API_KEY": "AIzaSim-*",
    "HOUSE_HEADER": "house-*",
    "XAI_API_KEY": "xai-*",
    "HTTPS_PROXY": PROXY,
}
MASTER, OLD_MASTER = "5eed" * 8 + "7a2c91d04be6f83855aa10ff42e7b96d", "0ddba11" * 8 + "c0ffee21"
MASTERS = {"SWITCHYARD_MASTER_KEY": MASTER, "SWITCHYARD_OLD_MASTER_KEY": OLD_MASTER}
ACCOUNT: Mapping[str, str] = {
    "access": "oat-sim-*",
    "refresh": "rt-sim-*",
    "proxy": PROXY,
    "secrets.id_token": "h.*.s",
    "secrets.api_key": "iflow-*",
    "secrets.cookie": "BXAuth=*",
    "secrets.access_token": "at-sim-*",
    "unknown.password": "pw-*",
}
"""Fields of every account."""


@dataclass
class World:
    """A router between a proxy and servers that repeat what they are sent. canaries: every secret that is known so far.
    shown: what its answers said, by sink. told: what was said elsewhere, by sink."""

    folder: Path
    parrot: Parrot
    tokens: TokenParrot
    proxy: Proxy
    clerk: CtoNew
    canaries: list[Canary] = field(default_factory=list)
    said: dict[str, list[bytes]] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    running: Running | None = None

    @property
    def router(self) -> Running:
        assert self.running is not None
        return self.running

    def add(self, slot: str, value: str | bytes) -> None:
        """Somebody learnt a secret."""
        canary = Canary(slot, value)
        if value and canary not in self.canaries:
            self.canaries.append(canary)

    def plant(self, slot: str, shape: str) -> str:
        """A new secret."""
        text = planted("*" if shape == PROXY else shape, len(self.canaries))
        self.add(slot, text)
        return self.proxy.url(text) if shape == PROXY else text

    def secret(self, slot: str) -> str:
        value = next(each.value for each in self.canaries if each.slot == slot)
        assert isinstance(value, str)
        return value

    def note(self, sink: str, *pieces: str | bytes) -> None:
        """Something was written somewhere."""
        self.said.setdefault(sink, []).extend(one.encode() if isinstance(one, str) else one for one in pieces)

    @property
    def manages(self) -> dict[str, str | None]:
        return {"authorization": f"Bearer {self.secret('settings auth.management.key')}"}

    async def send(self, sink: str, path: str, body: Any = None, **more: Any) -> Answer:
        """One exchange, of which everything that came back is kept."""
        headers = {"authorization": f"Bearer {self.secret('settings auth.keys.0.key')}", **more.pop("headers", {})}
        answer = await self.router.send(path, body, headers=headers, **more)
        self.note(sink, f"{answer.status}", *(f"{name}: {value}" for name, value in answer.headers.items()))
        self.note(sink, answer.body)
        return answer

    async def look(self, pages: Iterable[str]) -> None:
        """What the pages say now."""
        for page in pages:
            await self.send(page, page, headers=self.manages)

    @property
    def heard(self) -> list[bytes]:
        """All that the servers and the proxy were sent."""
        requests = [attempt.request for attempt in self.parrot.requests]
        requests += [call.request for call in self.tokens.calls]
        requests += [*self.clerk.clerk.requests, *self.clerk.engine.requests]
        return [*map(written, requests), self.proxy.heard]

    @property
    def kept(self) -> list[bytes]:
        """All that the router holds of accounts."""
        held = []
        for each in self.router.router._sign_ins.keeper.credentials():
            secrets = [each.access, each.refresh, *each.secrets.values()]
            held.append(f"{[one.reveal() for one in secrets]} {each.proxy} {dict(each.unknown)}".encode())
        return held

    def learn(self) -> None:
        """What the servers gave out or were sent since the last time."""
        for call in self.tokens.calls:
            fields = call.fields if call.request.body else {}
            for name in ("code", "code_verifier", "device_code", "device_auth_id", "refresh_token"):
                if STEM not in fields.get(name, STEM):
                    self.add(f"sign-in {name}", fields[name])
        for family in self.tokens.grants.families:
            for token in (*family.access, family.refresh, *family.rotated):
                self.add("sign-in token", token or "")
        for token in self.clerk.clerk.tokens:
            self.add("cto.new token", token)
        for person in self.clerk.clerk.people:
            for cookie in (person.cookie, *person.cookies_given):
                self.add("cto.new cookie", cookie)

    def began(self, address: str) -> None:
        """A sign-in by browser began."""
        self.add("sign-in state", parse_qs(urlsplit(address).query)["state"][0])


@asynccontextmanager
async def prepared(folder: Path) -> AsyncIterator[World]:
    """Everything that lies beside the settings is planted, and the servers answer."""
    async with Parrot() as parrot, TokenParrot() as tokens, Proxy() as proxy, CtoNew() as clerk:
        one = World(folder, parrot, tokens, proxy, clerk)
        (folder / "accounts").mkdir(parents=True)
        _environ(one)
        _files(one)
        for account in accounts(one):
            FileStore(folder / "accounts", account_vault(folder / "accounts", one.environ), SystemClock()).save(account)
        yield one


@asynccontextmanager
async def world(folder: Path, form: str = "text", **observe: Any) -> AsyncIterator[World]:
    """Everything is planted, and the router runs. form: of the log. observe: further settings of that block."""
    async with (
        prepared(folder) as one,
        running(one.parrot, folder, changes(one, form, observe), environ=one.environ) as started,
    ):
        one.running = started
        await started.until(lambda: started.router._sign_ins.logins is not None)
        yield one


def _environ(one: World) -> None:
    for name, shape in ENVIRON.items():
        one.environ[name] = one.plant(f"environ {name}", shape)
    for name, value in MASTERS.items():
        one.environ[name] = value
        one.add(f"environ {name}", value)
        one.add(f"environ {name}", bytes.fromhex(value))


def _files(one: World) -> None:
    for name, shape in FILES.items():
        path = one.folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(one.plant(f"file {name}", shape) + "\n")
        path.chmod(0o600)
    service = one.parrot.service_account()
    one.add("file vertex.json", service["private_key"].replace("\n", "\\n")[100:900])
    (one.folder / "keys/vertex.json").write_text(json.dumps(service))


def accounts(one: World) -> Iterator[Credential]:
    """One account of each provider, with a secret in each field, and one of cto.new."""
    for provider in HOSTS:
        values = {name: one.plant(f"account {provider} {name}", shape) for name, shape in ACCOUNT.items()}
        more = {name.partition(".")[2]: value for name, value in values.items() if name.startswith("secrets.")}
        yield Credential(
            provider=provider,
            label=LABEL,
            access=Secret(values["access"]),
            refresh=Secret(values["refresh"]),
            proxy=values["proxy"],
            secrets={name: Secret(value) for name, value in more.items()},
            unknown={"password": values["unknown.password"], "nested": {"password": values["unknown.password"]}},
            expires_at=time.time() + 86_400.0,
            issued_at=time.time() - 3_600.0,
            email=LABEL,
            facts=facts_of(provider, "a"),
        )
    yield Credential(provider="ctonew", label=LABEL, refresh=Secret(one.clerk.clerk.sign_in().cookie))


def changes(one: World, form: str = "text", observe: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Changes to the plain settings."""
    redirects = {"claude-oauth": "callback", "chatgpt-oauth": "auth/callback", "gemini-cli": "oauth2callback"}
    blocks: dict[str, Any] = {}
    for provider, host in HOSTS.items():
        redirect = f"http://localhost:{free_port()}/{redirects[provider]}" if provider in redirects else None
        facts = one.tokens.overrides(provider, redirect)
        secret = {"client_secret": facts.pop("client_secret")} if "client_secret" in facts else {}
        facts.setdefault("device", {}) if "device" in facts else None
        block = {"enabled": True, "base_url": one.parrot.base_url(host), "sign_in": facts, **secret}
        blocks[provider.replace("-", "_")] = block
    one.add("settings client_secret", SECRET)
    changed: dict[str, Any] = {
        "observe": {"format": form, "level": "debug", **(observe or {})},
        "retry": {"max_attempts": 1, "deadline": 3},
        "auth": {"keys": [{"name": "tester"}], "management": {}},
        "models": {"combos": {"smart": {"targets": ["gpt-4.1"]}}},
        "providers": {
            **blocks,
            "ctonew": {"enabled": True, "sign_in": one.clerk.facts()},
            "openai": {"api_keys": [{}], "headers": {}},
            "anthropic": {"api_keys": [{"key_file": str(one.folder / "keys/anthropic")}]},
            "gemini": {"api_keys": [{"env": "GEMINI_API_KEY"}], "headers": {"x-house": "${HOUSE_HEADER}"}},
            "vertex": {
                "base_url": one.parrot.base_url("vertex"),
                "service_account_files": [str(one.folder / "keys/vertex.json")],
            },
        },
    }
    for path, shape in SETTINGS.items():
        _put(changed, path.split("."), one.plant(f"settings {path}", shape))
    return changed


def _put(values: Any, steps: list[str], value: str) -> None:
    for step in steps[:-1]:
        values = values[int(step)] if isinstance(values, list) else values.setdefault(step, {})
    values[steps[-1]] = value
