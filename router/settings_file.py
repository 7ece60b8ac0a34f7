"""The settings file of a running router: read at the start and after each change, turned into snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from router import places
from router.clock import SystemClock
from router.providers.resolve import NOBODY, SignedIn
from router.settings.load import Loaded, load
from router.snapshot import Snapshot, price_files, snapshot_of
from router.usage.price_file import NAME as PRICES


class SettingsFile:
    """One settings file, and the files that it named when it was last read."""

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self.path = path
        self.named: set[Path] = set()
        self.digest: str | None = None  # SHA-256 of the text that was read last; None: there was no file
        self.environ = environ

    def read(self) -> Snapshot:
        """The file as a snapshot; a missing one gives the defaults. Raises `SettingsError`, `RoutingMistakes`,
        `CapabilityMistakes`, `PriceMistakes` or `OSError`."""
        exists = self.path.exists()
        loaded = self.load(self.path.read_text(encoding="utf-8") if exists else "")
        self.digest = self.digest if exists else None
        return self.snapshot(loaded)

    def load(self, text: str) -> Loaded:
        """The settings in `text`. Raises `SettingsError`."""
        self.named.clear()
        self.digest = sha256(text.encode()).hexdigest()
        return load(
            text,
            self.environ,
            self._read_named,
            client_keys_exist=True,  # the server checked the door before it bound the port
            source=str(self.path),
        )

    def snapshot(self, loaded: Loaded, signed_in: SignedIn = NOBODY) -> Snapshot:
        """Everything that follows from the settings. Raises `RoutingMistakes`, `CapabilityMistakes` or
        `PriceMistakes`."""
        state_dir, own = price_files(loaded.settings)
        self.named |= {state_dir / PRICES, *([own] if own is not None else [])}
        return snapshot_of(
            loaded.settings,
            self.environ,
            warnings=loaded.warnings,
            provenance=loaded.provenance,
            now=SystemClock().wall(),
            signed_in=signed_in,
        )

    def with_accounts(self, snapshot: Snapshot, signed_in: SignedIn) -> Snapshot:
        """The same settings with other accounts."""
        return snapshot_of(
            snapshot.settings,
            self.environ,
            warnings=snapshot.warnings,
            provenance=snapshot.provenance,
            now=snapshot.loaded_at,
            signed_in=signed_in,
            facts=snapshot.table.capabilities,
            prices=snapshot.tariff.table,
        )

    def _read_named(self, name: str) -> str:
        path = places.in_checkout(name)
        self.named.add(path)
        return path.read_text(encoding="utf-8")
