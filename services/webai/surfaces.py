"""The surfaces that ask for an answer: OpenAI's chat, and `/gemini`, `/gemini-chat`, `/translate` of WebAI-to-API."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncGenerator, Callable
from typing import Any

from router.faults import Fault, bad_request
from services.webai import chat_answer, chat_request, conversation, tools
from services.webai.asking import Ask, Conversation, Piece, Told
from services.webai.chat_answer import Gathered, Head
from services.webai.gemini_web import DEFAULT_MODELS
from services.webai.http import NOTES, SERVED_BY, Reply, notes_header
from services.webai.service import WebAI

_STREAM = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store"}
_TRANSLATE = "Translate the following text to {target}. Answer with the translation alone.\n\n{text}"


class Surfaces:
    """key: the service's, for ids of conversations. wall: the time of day."""

    def __init__(self, service: WebAI, key: Callable[[], str], wall: Callable[[], float]) -> None:
        self._service = service
        self._key = key
        self._wall = wall
        self._session: Conversation | None = None
        """The one chat of `/gemini-chat`, as its predecessor has it."""

    async def chat(self, body: dict[str, Any], reply: Reply) -> None:
        """POST /v1/chat/completions."""
        settings = self._service.settings
        request = chat_request.read(
            body,
            declared=settings.tools,
            limits=settings.files,
            keep=settings.gemini.keep_chats,
            opened=lambda text: conversation.opened(text, self._key()),
        )
        told = Told()
        head = Head(id=f"chatcmpl-{secrets.token_hex(12)}", model=request.ask.model, created=int(self._wall()))
        async with contextlib.aclosing(self._service.answer(request.ask, told)) as pieces:
            if request.stream and request.offered is None:
                await self._streamed(request, head, pieces, told, reply)
                return
            answer = await _gathered(pieces, told)
        if request.offered is not None:
            _find_calls(answer, request.offered, told)
        await self._whole(request, head, answer, told, reply)

    async def native(self, body: dict[str, Any], reply: Reply) -> None:
        """POST /gemini: `{message, model?, files?}`; `{response}`."""
        await self._told(self._native_ask(body, _field(body, "message")), reply)

    async def native_chat(self, body: dict[str, Any], reply: Reply) -> None:
        """POST /gemini-chat: the same, in one chat that goes on with every call; `{"new": true}` begins anew."""
        ask = self._native_ask(body, _field(body, "message"), keep=True)
        going, notes = (None, ()) if body.get("new") is True else self._going(ask.model)
        if going is not None:
            ask = Ask(model=ask.model, turns=ask.turns, files=ask.files, keep=True, going=going)
        told = await self._told(ask, reply, notes)
        if told.conversation is not None:
            self._session = told.conversation

    def _going(self, model: str) -> tuple[Conversation | None, tuple[str, ...]]:
        """The chat that goes on, or None for a new one, and a note where nobody asked for a new one."""
        held = self._session
        if held is None:
            return None, ()
        if held.model != model:
            return None, (f"a new chat was begun: the last one is with {held.model}",)
        if held.account not in self._service.accounts.names():
            return None, (f"a new chat was begun: the account of the last one, {held.account}, is gone",)
        return held, ()

    async def translate(self, body: dict[str, Any], reply: Reply) -> None:
        """POST /translate: `{message, target?, model?}`; `{response}`. Without a target, as its predecessor does, the
        message holds the wish itself."""
        text, target = _field(body, "message"), body.get("target")
        if target is not None:
            text = _TRANSLATE.format(target=_field(body, "target"), text=text)
        await self._told(self._native_ask(body, text), reply)

    def _native_ask(self, body: dict[str, Any], text: str, *, keep: bool = False) -> Ask:
        model = body.get("model") or DEFAULT_MODELS[0]
        parts = [{"type": "file", "file": {"file_data": each}} for each in body.get("files") or ()]
        content: Any = [{"type": "text", "text": text}, *parts]
        request = chat_request.read(
            {"model": model, "messages": [{"role": "user", "content": content}]},
            declared="refuse",
            limits=self._service.settings.files,
            keep=keep,
            opened=lambda given: conversation.opened(given, self._key()),
        )
        return request.ask

    async def _told(self, ask: Ask, reply: Reply, notes: tuple[str, ...] = ()) -> Told:
        told = Told()
        async with contextlib.aclosing(self._service.answer(ask, told)) as pieces:
            answer = await _gathered(pieces, told)
        images = [chat_answer.image(each) for each in answer.pictures]
        body = {"response": answer.text, "model": told.model, **({"images": images} if images else {})}
        await reply.json(body, headers=_headers(told, notes))
        return told

    async def _streamed(
        self,
        request: chat_request.ChatRequest,
        head: Head,
        pieces: AsyncGenerator[Piece, None],
        told: Told,
        reply: Reply,
    ) -> None:
        """The head goes with the first piece: until then an error has a status of its own."""
        gathered = Gathered()
        try:
            async for new in pieces:
                if not reply.started:
                    await reply.head(200, {**_STREAM, **_headers(told, request.notes)})
                    await reply.body(chat_answer.started(head), more=True)
                gathered.text += new.text
                gathered.thinking += new.thinking
                for chunk in chat_answer.piece(head, new):
                    await reply.body(chunk, more=True)
        except Fault as fault:
            if not reply.started:
                raise
            await reply.body(chat_answer.failed(fault))
            return
        if not reply.started:
            raise Fault("upstream_broken", "The answer was empty.")
        if told.exact is not None:
            told.note("earlier words were rewritten after they had been sent")
        counted = chat_answer.usage(request.ask.prompt, gathered.text, gathered.thinking) if request.usage else None
        extra = self._extra(request.ask, told)
        if late := [note for note in told.notes if note not in _notes(request.notes)]:
            extra["webai_notes"] = late
        await reply.body(b"".join(chat_answer.ended(head, [], counted, extra)))

    async def _whole(
        self, request: chat_request.ChatRequest, head: Head, answer: Gathered, told: Told, reply: Reply
    ) -> None:
        counted = chat_answer.usage(request.ask.prompt, answer.text, answer.thinking)
        extra, headers = self._extra(request.ask, told), _headers(told, request.notes)
        if not request.stream:
            await reply.json(chat_answer.whole(head, answer, counted, extra), headers=headers)
            return
        chunks = [chat_answer.started(head)]
        if answer.calls:
            chunks.append(chat_answer.called(head, answer.calls))
        chunks += chat_answer.piece(head, Piece(text=answer.text, thinking=answer.thinking))
        for picture in answer.pictures:
            chunks += chat_answer.piece(head, Piece(picture=picture))
        chunks += chat_answer.ended(head, answer.calls, counted if request.usage else None, extra)
        await reply.head(200, {**_STREAM, **headers})
        await reply.body(b"".join(chunks))

    def _extra(self, ask: Ask, told: Told) -> dict[str, Any]:
        if told.conversation is None:
            return {}
        return {"conversation_id": conversation.seal(told.conversation, self._key())}


async def _gathered(pieces: AsyncGenerator[Piece, None], told: Told) -> Gathered:
    answer = Gathered()
    async for new in pieces:
        answer.text += new.text
        answer.thinking += new.thinking
        if new.picture is not None:
            answer.pictures.append(new.picture)
    if told.exact is not None:
        answer.text = told.exact
    return answer


def _find_calls(answer: Gathered, offered: tools.Offered, told: Told) -> None:
    """Calls in the words of an answer take the words' place."""
    answer.calls = tools.calls(answer.text, offered)
    told.note("tools were emulated in words")
    if answer.calls:
        answer.text = ""
    elif offered.must:
        told.note("a call was demanded, and the page answered with words")


def _notes(before: tuple[str, ...]) -> list[str]:
    return [*before, chat_answer.ESTIMATED]


def _headers(told: Told, notes: tuple[str, ...]) -> dict[str, str]:
    return {SERVED_BY: told.served_by, NOTES: notes_header(dict.fromkeys([*_notes(notes), *told.notes]))}


def _field(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise bad_request(f'"{name}" must be a text.', name)
    return value
