"""Files of other programs made ours: what each would become, and the copying. The originals stay as they are.

Afterwards two programs know one token. Only one of them may renew it: a refresh token is good for one use, and using it
twice ends the whole sign-in with some providers (RFC 9700, 4.14). So whoever imports says so (`WARNING`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from router.accounts.credential import Credential
from router.accounts.documents import is_ours, read_document
from router.accounts.labels import tidy_label
from router.accounts.stores.base import AccountStore
from router.accounts.twins import IMPORTED_FROM, placed, taken_over
from router.accounts.unusable import Unusable
from router.clock import Clock
from router.vault.disk import Disk, Odd, private_folder, read_bounded
from router.vault.profiles import OTHERS, ProfileFiles, profile_name, storage_state
from router.wire import codec

WARNING = (
    "Two programs must not refresh one token: stop using these accounts in the other program, or sign in anew here "
    "with `switchyard login`."
)
SERVICE_ACCOUNTS = "service_accounts"
Became: TypeAlias = Literal["account", "known", "profile", "setting", "nothing", "wrong"]
"""account: one of ours now. known: it is ours already. profile: kept for a service. setting: to be written into the
settings. nothing: no account. wrong: an account file that cannot be used."""


class NotImportable(ValueError):
    """A file that gives no account; the message says what is missing, and quotes nothing of it."""


class Profile(Struct, frozen=True):
    """A signed-in browser (Playwright's storage state), for the AI Studio or WebAI service. name: as the service has
    it."""

    name: str
    text: bytes

    def __repr__(self) -> str:
        return f"Profile({self.name})"  # its cookies are a sign-in


class ServiceAccount(Struct, frozen=True):
    """A Google service account for Vertex. document: the key alone, where it was nested in something else."""

    name: str
    project: str
    document: bytes | None

    def __repr__(self) -> str:
        return f"ServiceAccount({self.name})"  # it is a private key


class Imported(Struct, frozen=True, kw_only=True):
    """What one file became. account: the id, where it is one. told: a sentence for a person."""

    file: str
    became: Became
    account: str = ""
    told: str


def import_file(text: bytes | str, name: str) -> Credential:
    """The account in a file, as ours and not yet saved. name: of the file, which may tell whose it is.

    Raises `NotImportable`, also for a profile or a service account.
    """
    found = recognise(text, name)
    if isinstance(found, Profile):
        raise NotImportable(f"{name} is a browser's profile for the AI Studio service, not an account")
    if isinstance(found, ServiceAccount):
        raise NotImportable(f"{name} is a service account. {_vertex_setting(name)}")
    return found


def recognise(text: bytes | str, name: str, *, called: str = "") -> Credential | Profile | ServiceAccount:
    """What a file is. called: a name that tells whose it is, where neither its own nor its content does. Raises
    `NotImportable`."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    held = _held(data)
    if (state := storage_state(held)) is not None:
        return Profile(profile_name(name), data if state is held else codec.dumps(state))
    if isinstance(held, dict):
        if _is_profile(held, name, "webai"):
            return Profile(profile_name(name), data)
        if _is_profile(held, name, "aistudio"):
            raise NotImportable(f"{name} is no signed-in browser: it has no list of cookies and none of origins")
        if (service_account := _service_account(held, name)) is not None:
            return service_account
    try:
        credential = read_document(called or name, data, None)
    except Unusable as error:
        elsewhere = "is encrypted by another Switchyard; run `switchyard vault decrypt` there first"
        raise NotImportable(f"{name} {elsewhere if error.kind == 'locked' else error.reason}") from None
    if credential.owner == "ours":
        return credential
    return replace(credential, owner="ours", facts={**credential.facts, IMPORTED_FROM: name})


class Importer:
    """Copies files into a store."""

    def __init__(
        self,
        store: AccountStore,
        folder: Path,
        profiles: ProfileFiles,
        clock: Clock,
        *,
        dry_run: bool,
        replaces: bool,
    ) -> None:
        """folder: for what is no account (``auth.dir``). dry_run: say what would happen. replaces: whether the tokens
        of an account that is ours already are replaced, and a profile that is there."""
        self._store = store
        self._folder = folder
        self._profiles = profiles
        self._clock = clock
        self._dry_run = dry_run
        self._replaces = replaces
        self._known = [one for one in store.load().credentials if one.owner == "ours"]

    def bring_in(self, paths: Iterable[Path], called: str = "") -> list[Imported]:
        """One answer for each file, in order. called: as for `recognise`. Raises `OSError` where nothing can be
        written."""
        return [self._bring(path, called) for path in paths]

    def take(self, data: bytes, name: str) -> Imported:
        """One file that was sent: its content and what it was called. As `bring_in`, but that nothing stays behind, so
        a service account's key is kept here too. Raises `OSError`."""
        try:
            found = recognise(data, name)
        except NotImportable as error:
            return Imported(file=name, became=_kind(data, name), told=str(error))
        if isinstance(found, ServiceAccount):
            found = replace(found, document=found.document or data)
        if isinstance(found, Profile):
            return self._write_profile(Path(name), found)
        return self._keep(Path(name), found)

    def _bring(self, path: Path, called: str) -> Imported:
        name = path.name
        try:
            data, _ = read_bounded(path, follow=True)
            if is_ours(data) and path.absolute().parent == self._folder.absolute():
                return Imported(file=str(path), became="known", told="is a file of ours")
            found = recognise(data, name, called=called)
        except NotImportable as error:
            return Imported(file=str(path), became=_kind(data, called or name), told=str(error))
        except Odd as error:
            return Imported(file=str(path), became="wrong", told=f"{name} {error}")
        except FileNotFoundError:
            return Imported(file=str(path), became="wrong", told=f"there is no file {path}")
        return self._keep(path, found)

    def _keep(self, path: Path, found: Credential | Profile | ServiceAccount) -> Imported:
        if isinstance(found, Profile):
            return self._keep_profile(path, found)
        if isinstance(found, ServiceAccount):
            return self._keep_service_account(path, found)
        return self._keep_account(path, found)

    def _keep_account(self, path: Path, fresh: Credential) -> Imported:
        fresh = placed(replace(fresh, created_at=fresh.created_at or self._clock.wall()), self._known)
        known = next((one for one in self._known if one.id == fresh.id), None)
        if known is not None:
            one_token = known.refresh == fresh.refresh and known.access == fresh.access
            if one_token or not self._replaces:
                more = "" if one_token else "; --replace takes the tokens of this file"
                return Imported(file=str(path), became="known", account=known.id, told=f"is ours already{more}")
        if not self._dry_run:
            with self._store.lock(fresh.id):
                current = self._store.read(fresh.id) if known is not None else None
                self._store.save(fresh if current is None else taken_over(current, fresh))
        self._known = [one for one in self._known if one.id != fresh.id] + [fresh]
        return Imported(file=str(path), became="account", account=fresh.id, told=_told(fresh))

    def _keep_profile(self, path: Path, profile: Profile) -> Imported:
        if not self._replaces and profile.name in self._profiles.names():
            told = f"is a profile that is there already, {profile.name}; --replace takes this file"
            return Imported(file=str(path), became="known", told=told)
        return self._write_profile(path, profile)

    def _write_profile(self, path: Path, profile: Profile) -> Imported:
        if not self._dry_run:
            self._profiles.write(profile.name, profile.text)
        service = "WebAI" if profile.name.startswith(OTHERS) else "AI Studio"
        told = f"is kept for the {service} service, as its profile {profile.name}"
        return Imported(file=str(path), became="profile", told=told)

    def _keep_service_account(self, path: Path, found: ServiceAccount) -> Imported:
        target = path
        if found.document is not None:
            target = self._folder / SERVICE_ACCOUNTS / f"{found.project}.json"
            self._put(target, found.document)
        return Imported(file=str(path), became="setting", told=f"is a service account. {_vertex_setting(str(target))}")

    def _put(self, path: Path, data: bytes) -> None:
        if not self._dry_run:
            private_folder(self._folder)
            private_folder(path.parent)
            Disk().put(path, data)


def _held(data: bytes) -> Any:
    try:
        return codec.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except codec.Malformed:
        return None


def _is_profile(document: Mapping[str, Any], name: str, service: str) -> bool:
    return document.get("provider") == service or re.fullmatch(rf"{service}-.+\.json", name, re.I) is not None


def _service_account(document: Mapping[str, Any], name: str) -> ServiceAccount | None:
    """Google's own key file, or CLIProxyAPI's, which has it inside."""
    inner = document.get("service_account")
    key = inner if isinstance(inner, dict) and document.get("type") == "vertex" else document
    if not isinstance(key.get("private_key"), str) or not isinstance(key.get("client_email"), str):
        return None
    project = key.get("project_id") or document.get("project_id")
    called = tidy_label(project if isinstance(project, str) else name.removesuffix(".json"))
    nested = None if key is document else msgspec.json.format(codec.dumps(key), indent=2)
    return ServiceAccount(name, called, nested)


def _vertex_setting(path: str) -> str:
    return f"Write into the settings: providers: {{vertex: {{service_account_files: [{path}]}}}}"


def _kind(data: bytes, name: str) -> Became:
    """Whether what cannot be imported is an account file at all."""
    try:
        read_document(name, data, None)
    except Unusable as error:
        return "nothing" if error.kind == "nothing" else "wrong"
    return "wrong"


def _told(fresh: Credential) -> str:
    lacks = "" if fresh.refresh else ", which cannot be renewed: it has no refresh token"
    return f"is the account {fresh.id}{lacks}"
