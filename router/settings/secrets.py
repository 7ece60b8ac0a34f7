"""Fills in secrets that the settings only point at: ``key_file`` and ``env`` become ``key``. Works on plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from router.secret import Secret
from router.settings.document import Document
from router.settings.mistakes import Mistake, Path, dotted

ReadFile = Callable[[str], str]
"""Reads a text file by the path as written in the settings. Raises `OSError`."""
_SOURCES = ("key", "key_file", "env", "digest")


def unsendable(key: str) -> str | None:
    """What makes `key` unfit for a header of an HTTP request (RFC 9110, 5.5), None where it is fit."""
    if not key.isascii():
        return "has a character that is not ASCII"
    if not key.isprintable():
        return "has a line break or another control character inside"
    return None


_OF_WEBAI = frozenset({"api_key", "secure_1psid", "secure_1psidts"})


def fill_secrets(document: Document, environ: Mapping[str, str], read_file: ReadFile) -> None:
    """Resolve every secret below `auth` and `providers`; keys that were given as text become `Secret` here."""
    filler = _Filler(document, environ, read_file)
    for block in ("auth", "providers"):
        if block in document.values:
            document.values[block] = filler.walk(document.values[block], (block,))


class _Filler:
    def __init__(self, document: Document, environ: Mapping[str, str], read_file: ReadFile) -> None:
        self._document = document
        self._environ = environ
        self._read_file = read_file

    def walk(self, value: Any, path: Path) -> Any:
        if isinstance(value, list):
            return [self._entry(item, (*path, at)) for at, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        filled = {key: self.walk(item, (*path, key)) for key, item in value.items()}
        if path[0] == "providers" and path[-1] != "sign_in" and {"client_secret", "client_secret_file"} & value.keys():
            return self._client_secret(filled, path)
        if path[:2] == ("providers", "webai"):
            return {key: self._of_webai(key, item, (*path, key)) for key, item in filled.items()}
        return self._secret(filled, path) if self._is_credential(path) else filled

    def _entry(self, item: Any, path: Path) -> Any:
        """A bare text in a list of keys is the key itself."""
        if isinstance(item, str) and path[-2] in ("api_keys", "keys"):
            return Secret(self._text(item, path))
        if isinstance(item, str) and path[-2] == "service_account_files":
            return self._secret({"key_file": item}, path)
        return self.walk(item, path)

    @staticmethod
    def _is_credential(path: Path) -> bool:
        listed = len(path) > 2 and path[-2] in ("api_keys", "keys", "service_account_files")
        return listed or path == ("auth", "management")

    def _secret(self, entry: dict[str, Any], path: Path) -> dict[str, Any]:
        given = [name for name in _SOURCES if entry.get(name) is not None]
        if len(given) > 1:
            self._wrong(path, f"gives {' and '.join(given)}", "Keep one of them.")
            return entry
        if not given:
            if path != ("auth", "management"):
                self._wrong(path, "has no key", "Give key, key_file or env.")
            return entry
        source, value = given[0], entry[given[0]]
        if not isinstance(value, str):
            return entry  # the schema says what is wrong with it
        read = {"key": self._text, "env": self._variable, "key_file": self._file}.get(source)
        return entry if read is None else {**entry, "key": Secret(read(value, (*path, source)))}

    def _client_secret(self, block: dict[str, Any], path: Path) -> dict[str, Any]:
        """The secret of an OAuth client: given, or in a file."""
        text, file = block.get("client_secret"), block.get("client_secret_file")
        if text is not None and file is not None:
            self._wrong((*path, "client_secret_file"), "is given beside client_secret", "Keep one of them.")
        elif isinstance(text, str):
            return {**block, "client_secret": Secret(self._text(text, (*path, "client_secret")))}
        elif isinstance(file, str):
            return {**block, "client_secret": Secret(self._file(file, (*path, "client_secret_file")))}
        return block

    def _of_webai(self, name: Any, value: Any, path: Path) -> Any:
        return Secret(self._text(value, path)) if name in _OF_WEBAI and isinstance(value, str) else value

    def _text(self, value: str, path: Path) -> str:
        key = value.strip()
        if not key and dotted(path) not in {mistake.path for mistake in self._document.mistakes}:
            self._wrong(path, "is empty", "Write the key, or remove the entry.")
        return self._fit(key, path, "")

    def _fit(self, key: str, path: Path, whose: str) -> str:
        problem = None if "service_account_files" in path else unsendable(key)  # those are JSON documents
        if problem is not None:
            self._wrong(path, f"{whose}{problem}", "Write the key alone, as the provider shows it.")
        return key

    def _variable(self, name: str, path: Path) -> str:
        value = self._environ.get(name, "").strip()
        if not value:
            self._wrong(
                path, f"names the environment variable {name!r}, which is not set", "Set it, or remove the entry."
            )
        return self._fit(value, path, f"names the environment variable {name!r}, which ")

    def _file(self, name: str, path: Path) -> str:
        try:
            value = self._read_file(name).strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror or type(error).__name__ if isinstance(error, OSError) else "it is not UTF-8"
            self._wrong(
                path, f"names the file {name!r}, which cannot be read: {why}", "Correct the path or its rights."
            )
            return ""
        if not value:
            self._wrong(path, f"names the file {name!r}, which is empty", "Write the key into it.")
        return self._fit(value, path, f"names the file {name!r}, which ")

    def _wrong(self, path: Path, problem: str, remedy: str) -> None:
        self._document.mistakes.append(
            Mistake(path=dotted(path), problem=problem, line=self._document.line(path), remedy=remedy)
        )
