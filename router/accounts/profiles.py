"""Where the profiles of the AI Studio service lie, as the router sees it: imports write what the service reads."""

from __future__ import annotations

from pathlib import Path

from router import places
from router.settings.provider_blocks import Providers
from router.vault.keys import AccountVault
from router.vault.profiles import FOLDER, ProfileFiles


def profile_files(providers: Providers, folder: Path, vault: AccountVault | None) -> ProfileFiles:
    """As the settings say (`providers.aistudio.profiles`), else beside the accounts in `folder`."""
    given = providers.aistudio.profiles if providers.aistudio is not None else None
    return ProfileFiles(places.in_checkout(given) if given else folder / FOLDER, vault)
