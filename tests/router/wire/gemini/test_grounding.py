"""Citations both ways: bytes of UTF-8 on the wire, characters here."""

from __future__ import annotations

from typing import Any

import pytest

from router.wire.events import Cited
from router.wire.gemini import grounding

TEXT = "ü says so"  # the first character takes two bytes


def found(metadata: Any, text: str = TEXT) -> list[Cited]:
    return grounding.citations({"groundingMetadata": metadata}, text, 0)


def test_offsets_are_turned_into_characters() -> None:
    metadata = {
        "groundingChunks": [{"web": {"uri": "https://a.test", "title": "A"}}],
        "groundingSupports": [
            {"segment": {"startIndex": 3, "endIndex": 10, "text": "says so"}, "groundingChunkIndices": [0]}
        ],
    }
    assert found(metadata) == [Cited("https://a.test", "A", 2, 9, "says so")]


def test_a_segment_begins_at_the_start_unless_it_says_otherwise() -> None:
    metadata = {
        "groundingChunks": [{"maps": {"uri": "https://m.test"}}, {"retrievedContext": {"uri": "gs://d", "title": 5}}],
        "groundingSupports": [
            {"segment": {"endIndex": 2, "text": 5}, "groundingChunkIndices": [0, 1, 2, -1, "x"]},
            {"segment": None, "groundingChunkIndices": [0]},
            {"segment": {"endIndex": 99}, "groundingChunkIndices": [0]},
            {"segment": {"endIndex": True}},
            5,
        ],
    }
    assert found(metadata) == [
        Cited("https://m.test", "", 0, 1),
        Cited("gs://d", "", 0, 1),
        Cited("https://m.test", "", 0, None),
    ]


def test_sources_that_support_nothing_are_cited_without_a_place() -> None:
    chunks = [{"web": {"uri": "https://a.test", "title": "A"}}, {"web": {"title": "no address"}}, {}, 5]
    assert found({"groundingChunks": chunks}) == [Cited("https://a.test", "A")]
    assert found({"groundingChunks": "odd", "groundingSupports": "odd"}) == []
    assert found("odd") == []


@pytest.mark.parametrize("key", ["citationSources", "citations"])
def test_citation_metadata_in_both_spellings(key: str) -> None:
    sources: list[Any] = [
        {"uri": "https://a.test", "title": "A", "startIndex": 3, "endIndex": 10},
        {"uri": "https://b.test"},
        {"title": "no address"},
        5,
    ]
    assert grounding.citations({"citationMetadata": {key: sources}}, TEXT, 1) == [
        Cited("https://a.test", "A", 2, 9, choice=1),
        Cited("https://b.test", "", 0, None, choice=1),
    ]
    assert grounding.citations({"citationMetadata": {key: "odd"}}, TEXT, 1) == []


def test_citations_are_written_once_per_address_and_in_bytes() -> None:
    cited = [
        Cited("https://a.test", "A", 2, 6),
        Cited("https://a.test", "A again", 0, 1, "quoted"),
        Cited("https://b.test", "B"),
        Cited("https://b.test", "B", 1, None),
    ]
    assert grounding.write(cited, TEXT) == {
        "groundingChunks": [
            {"web": {"uri": "https://a.test", "title": "A"}},
            {"web": {"uri": "https://b.test", "title": "B"}},
        ],
        "groundingSupports": [
            {"segment": {"startIndex": 3, "endIndex": 7, "text": "says"}, "groundingChunkIndices": [0]},
            {"segment": {"startIndex": 0, "endIndex": 2, "text": "quoted"}, "groundingChunkIndices": [0]},
        ],
    }
    assert grounding.write([Cited("https://b.test", "B")], TEXT) == {
        "groundingChunks": [{"web": {"uri": "https://b.test", "title": "B"}}]
    }
