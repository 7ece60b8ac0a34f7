"""The files of the dashboard: who gets them, as what, under which rules, and what they never ask for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from yarl import URL

from router.dashboard.files import STATIC, TYPES, read_files
from tests.router.api.harness import Running

FILES = sorted(read_files())
_POLICY = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "connect-src": "'self'",
    "img-src": "'self' data:", "frame-ancestors": "'none'", "base-uri": "'none'", "form-action": "'self'",
}  # fmt: skip


async def test_the_page_is_served_with_a_strict_policy_and_no_key(router: Running) -> None:
    answer = await router.send("/dashboard/", headers={"authorization": None})
    assert answer.status == 200 and answer.headers["content-type"] == "text/html; charset=utf-8"
    rules = [rule.partition(" ") for rule in answer.headers["content-security-policy"].split("; ")]
    assert {name: value for name, _, value in rules} == _POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-cache"
    assert (await router.send("/")).json["links"]["dashboard"] == "/dashboard/"


async def test_every_file_is_served_with_its_type_and_known_again_by_its_tag(router: Running) -> None:
    for name in FILES:
        answer = await router.send(f"/dashboard/{name}")
        assert answer.status == 200, name
        assert answer.headers["content-type"] == TYPES[Path(name).suffix], name
        assert answer.body == (STATIC / name).read_bytes()
        assert "content-security-policy" in answer.headers
        for known in (answer.headers["etag"], f'"other", W/{answer.headers["etag"]}'):
            again = await router.send(f"/dashboard/{name}", headers={"if-none-match": known})
            assert (again.status, again.body) == (304, b""), name
        assert (await router.send(f"/dashboard/{name}", headers={"if-none-match": '"other"'})).status == 200


async def test_the_address_without_its_slash_leads_there(router: Running) -> None:
    async with router.client.get(router.url + "/dashboard", allow_redirects=False) as response:
        assert response.status == 308 and response.headers["location"] == "dashboard/"
    head = await router.send("/dashboard/", method="HEAD")
    assert (head.status, head.body) == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/dashboard/../app.py", "/dashboard/..%2ffiles.py", "/dashboard/%2e%2e/files.py", "/dashboard/files.py",
        "/dashboard//etc/passwd", "/dashboard/%2fetc%2fpasswd", "/dashboard/views/../../files.py",
        "/dashboard/index.html/", "/dashboard/INDEX.HTML", "/dashboard/index.html%00.js", "/dashboard/views",
    ],
)  # fmt: skip
async def test_no_path_leads_anywhere_else(router: Running, path: str) -> None:
    answer = await router.send(URL(path, encoded=True))
    assert answer.status == 404, path
    assert b"import" not in answer.body and b"root:" not in answer.body


async def test_it_is_there_where_management_is(router: Running) -> None:
    elsewhere = {"x-forwarded-for": "203.0.113.7"}
    refused = await router.send("/dashboard/", headers=elsewhere)
    assert refused.status == 403 and b"this machine only" in refused.body
    assert "content-security-policy" in refused.headers
    await router.reloaded({"auth": {"management": {"remote": True}}})
    assert (await router.send("/dashboard/", headers=elsewhere)).status == 200


@pytest.mark.parametrize("name", FILES)
def test_no_file_asks_another_origin_or_has_code_in_its_markup(name: str) -> None:
    text = (STATIC / name).read_text()
    known = ("http://www.w3.org/2000/svg",)  # the name of a vocabulary, never asked for
    found = [each for each in re.findall(r"(?:https?:)?//[A-Za-z0-9\[][^\s'\"`)]*", text) if each not in known]
    assert [each for each in found if not text[text.index(each) - 1].isspace() or each.startswith("http")] == []
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert word not in text, word
    if name.endswith(".html"):
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", text)
    if name.endswith(".css"):
        assert "@import" not in text and "url(" not in text


def test_every_import_is_a_file_that_is_there_and_modules_stay_small() -> None:
    for name in FILES:
        path = STATIC / name
        text = path.read_text()
        assert text.count("\n") <= 300, name
        if path.suffix == ".js":
            for target in re.findall(r'^import [^;"]+ from "([^"]+)";$', text, re.M):
                assert (path.parent / target).is_file(), f"{name} imports {target}"
        if path.suffix == ".html":
            for target in re.findall(r'(?:src|href)="([^"#]+)"', text):
                assert (path.parent / target).is_file(), f"{name} names {target}"
    screens = re.findall(r'name: "(\w+)", title', (STATIC / "screens.js").read_text())
    assert len(screens) == 9 and all(f"views/{screen}.js" in FILES for screen in screens)
