"""``contents`` as neutral turns. Calls without ids get made-up ones, and their results find them by name and order."""

from __future__ import annotations

from router.faults import bad_request
from router.wire import names
from router.wire.codec import dumps_text
from router.wire.conversation import Foreign, Json, JsonObject, Part, Role, Text, Thinking, ToolCall, ToolResult, Turn
from router.wire.gemini import media_parts, signatures
from router.wire.gemini.fields import camel, check, items, kept, message, optional, rest

_ROLES: dict[str, Role] = {"user": "user", "model": "assistant", "function": "user", "tool": "user", "": "user"}
_DATA = (
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
)
_ABOUT = ("thought", "thoughtSignature")
_SAYS = ("output", "result", "error")


class HistoryReader:
    """Reads the contents of one request in order; remembers which calls still wait for their result."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, str]] = []  # (call id, name)
        self._calls = 0

    def turns(self, contents: Json) -> tuple[Turn, ...]:
        """All turns, one per content. Raises `Fault` bad_request with the JSON path."""
        return _with_whole_thoughts([self._turn(each, where) for each, where in items(contents, "contents")])

    def _turn(self, content: Json, path: str) -> Turn:
        if isinstance(content, str):
            return Turn("user", (Text(text=content),))
        found = message(content, path)
        role = optional(found, "role", "a string", path) or ""
        if role not in _ROLES:
            raise bad_request(f"{path}.role must be user or model, not {role!r}.", f"{path}.role")
        parts = tuple(self.part(each, where) for each, where in items(found.get("parts", []), f"{path}.parts"))
        return Turn(_ROLES[role], parts, kept(rest(found, ("role", "parts"))))

    def part(self, value: Json, path: str) -> Part:
        """One part, of any kind."""
        if isinstance(value, str):
            return Text(text=value)
        found = message(value, path)
        kinds = [key for key in _DATA if key in found]
        if len(kinds) > 1:
            raise bad_request(f"{path} must hold one of {', '.join(kinds)}, not all of them.", path)
        if not kinds and "thoughtSignature" not in found:
            raise bad_request(f"{path} must hold one of {', '.join(_DATA)}.", path)
        kind = kinds[0] if kinds else "text"
        others = rest(found, (kind, *_ABOUT))
        if kind == "text":
            return _text(found, others, path)
        if kind == "inlineData":
            return media_parts.read_inline(found[kind], others, f"{path}.inlineData")
        if kind == "fileData":
            return media_parts.read_file(found[kind], others, f"{path}.fileData")
        if kind == "functionCall":
            return self._call(found, others, path)
        if kind == "functionResponse":
            return self._result(found[kind], others, f"{path}.functionResponse")
        return Foreign(dialect="gemini", raw=found, text=_readable(kind, found[kind]), meaningful=False, where=path)

    def _call(self, part: JsonObject, others: JsonObject, path: str) -> ToolCall:
        where = f"{path}.functionCall"
        found = message(part["functionCall"], where)
        name = check(found.get("name"), "a string", f"{where}.name")
        arguments = optional(found, "args", "an object", where)
        call_id = optional(found, "id", "a string", where)
        unknown = rest(found, ("name", "args", "id"))
        self._calls += 1
        if not call_id:
            others = {**others, "noId": True}
            call_id = names.made_up_call_id("request", self._calls)
        if unknown:
            others = {**others, "functionCall": unknown}
        self._waiting.append((call_id, name))
        return ToolCall(
            call_id=call_id,
            name=name,
            arguments=dumps_text(arguments if arguments is not None else {}),
            opaque=signatures.read(optional(part, "thoughtSignature", "a string", path) or ""),
            extra=kept(others),
        )

    def _result(self, value: Json, others: JsonObject, path: str) -> ToolResult:
        found = message(value, path)
        name = optional(found, "name", "a string", path)
        response = check(found.get("response", {}), "an object", f"{path}.response")
        call_id = optional(found, "id", "a string", path)
        unknown = rest(found, ("name", "response", "id", "parts"))
        content: list[Part] = [Text(text=_said(response))] if response or "parts" not in found else []
        for each, where in items(found.get("parts", []), f"{path}.parts"):
            content.append(self.part(each, where))
        side: JsonObject = {**others, "response": response}
        if not call_id:
            side["noId"] = True
        if unknown:
            side["functionResponse"] = unknown
        return ToolResult(
            call_id=self._answered(call_id, name),
            content=tuple(content),
            is_error=True if "error" in response and "output" not in response else None,
            name=name,
            extra=kept(side),
        )

    def _answered(self, call_id: str | None, name: str | None) -> str:
        """The id of the call that a result answers: by id if it has one, else the oldest waiting call of its name."""
        for index, (waiting_id, waiting_name) in enumerate(self._waiting):
            if waiting_id == call_id or (not call_id and name == waiting_name):
                del self._waiting[index]
                return waiting_id
        self._calls += 1
        return call_id or names.made_up_call_id("request", self._calls)


def system_parts(value: Json) -> tuple[Part, ...]:
    """``systemInstruction``: a content, or a bare text. Only text can be said there."""
    path = "systemInstruction"
    if isinstance(value, str):
        return (Text(text=value),)
    if isinstance(value, dict) and "parts" not in value and isinstance(value.get("text"), str):
        return (Text(text=value["text"]),)
    parts: list[Part] = []
    found = message(value, path).get("parts", [])
    for each, where in items(found if isinstance(found, list) else [found], f"{path}.parts"):
        text = each if isinstance(each, str) else message(each, where).get("text")
        parts.append(Text(text=check(text, "a string", f"{where}.text")))
    return tuple(parts)


def _text(found: JsonObject, others: JsonObject, path: str) -> Part:
    text = optional(found, "text", "a string", path) or ""
    opaque = signatures.read(optional(found, "thoughtSignature", "a string", path) or "")
    if optional(found, "thought", "a boolean", path):
        redacted = signatures.is_redacted(opaque)
        plain = signatures.unmarked(opaque) if opaque is not None else None
        return Thinking(text=text, opaque=plain, redacted=redacted, extra=kept(others))
    return Text(text=text, opaque=opaque, extra=kept(others))


def _said(response: JsonObject) -> str:
    """The readable content of a response: the one conventional key alone, else the whole object."""
    if len(response) == 1:
        key, value = next(iter(response.items()))
        if key in _SAYS:
            return value if isinstance(value, str) else dumps_text(value)
    return dumps_text(response)


def _readable(kind: str, value: Json) -> str | None:
    found = {camel(key): each for key, each in value.items()} if isinstance(value, dict) else {}
    if kind == "executableCode" and isinstance(found.get("code"), str):
        return f"```{str(found.get('language', '')).lower()}\n{found['code']}\n```"
    if kind == "codeExecutionResult" and isinstance(found.get("output"), str):
        return f"```\n{found['output']}\n```"
    return None


def _with_whole_thoughts(turns: list[Turn]) -> tuple[Turn, ...]:
    """Join streamed pieces of one foreign thought: its signature (in the last, empty piece) signs all of its text.

    SDKs keep each streamed frame as a content of its own, so the pieces may lie in neighbouring turns."""
    parts = [list(turn.parts) for turn in turns]
    for index, turn in enumerate(turns):
        for part in tuple(parts[index]):
            if not isinstance(part, Thinking) or part.opaque is None or part.opaque.dialect == "gemini":
                continue
            if part.text == "" and not part.redacted and turn.role == "assistant":
                text = _taken_before(parts, turns, index, _place(parts[index], part))
                parts[index][_place(parts[index], part)] = Thinking(text=text, opaque=part.opaque, extra=part.extra)
    return tuple(
        turn if tuple(kept_parts) == turn.parts else Turn(turn.role, tuple(kept_parts), turn.extra)
        for turn, kept_parts in zip(turns, parts, strict=True)
        if kept_parts or not turn.parts
    )


def _place(parts: list[Part], part: Part) -> int:
    return next(index for index, each in enumerate(parts) if each is part)


def _taken_before(parts: list[list[Part]], turns: list[Turn], index: int, place: int) -> str:
    """Remove the unsigned thoughts directly before a place, and give their text."""
    texts: list[str] = []
    while True:
        while place > 0:
            before = parts[index][place - 1]
            if not isinstance(before, Thinking) or before.opaque is not None:
                return "".join(reversed(texts))
            texts.append(before.text)
            del parts[index][place - 1]
            place -= 1
        index -= 1
        if index < 0 or turns[index].role != "assistant":
            return "".join(reversed(texts))
        place = len(parts[index])
