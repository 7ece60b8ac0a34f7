"""Files on their way to Gemini's page, and pictures on their way back."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from services.webai.asking import Attachment

_PICTURE = 20 * 1024 * 1024
_PICTURE_WAIT = 30.0
_PICTURE_HOSTS = (".googleusercontent.com", ".google.com", ".gstatic.com")


async def download(client: Any, url: str) -> tuple[bytes, str]:
    """A picture that was made for this answer, with the session's cookies, from Google's hosts alone. Raises
    anything."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not f".{parts.hostname}".endswith(_PICTURE_HOSTS):
        raise ValueError("not a host of Google")
    full = url if "=s" in parts.path else f"{url}=s2048-rj"
    found = bytearray()
    async with (
        asyncio.timeout(_PICTURE_WAIT),
        client.client.stream("GET", full, headers={"Referer": "https://gemini.google.com/"}) as response,
    ):
        if response.status_code != 200:
            raise ValueError(f"status {response.status_code}")
        async for chunk in response.aiter_content():
            found += chunk
            if len(found) > _PICTURE:
                raise ValueError("too large")
        mime = str(response.headers.get("content-type", "")).partition(";")[0].strip()
    return bytes(found), mime if mime.startswith("image/") else "image/png"


@contextlib.asynccontextmanager
async def on_disk(files: tuple[Attachment, ...]) -> AsyncIterator[list[Path]]:
    """Files as the package wants them: it takes name and type from a path. Removed afterwards."""
    if not files:
        yield []
        return
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="switchyard-webai-"))
    try:
        yield await asyncio.to_thread(_written, folder, files)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, True)


def _written(folder: Path, files: tuple[Attachment, ...]) -> list[Path]:
    paths = [folder / file.name for file in files]
    for path, file in zip(paths, files, strict=True):
        path.write_bytes(file.data)
    return paths
