"""The cases of google-genai.

Without `from __future__ import annotations`: the older major reads the annotations of Python functions as they are.
"""

from typing import Any

import driven
from driven import Setup, Skipped, equal, has, need
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

TOOLS = [
    types.Tool(
        function_declarations=[
            types.FunctionDeclaration(name=name, description=text, parameters_json_schema=schema)
            for name, (text, schema) in driven.TOOLS.items()
        ]
    )
]
MANUAL = types.AutomaticFunctionCallingConfig(disable=True)


class Dog(BaseModel):
    """A structured output."""

    name: str
    age: int
    tags: list[str]


class GeminiCases:
    """Each public method is a case."""

    def __init__(self, setup: Setup) -> None:
        self._setup, self._model = setup, setup.model
        self._client = self._connect(setup.key)

    def _connect(self, key: str) -> genai.Client:
        options = types.HttpOptions(base_url=self._setup.base_url, timeout=30_000)
        return genai.Client(api_key=key, http_options=options)

    def _ask(self, contents: Any, model: str | None = None, **config: Any) -> Any:
        settings = types.GenerateContentConfig(automatic_function_calling=MANUAL, **config)
        return self._client.models.generate_content(model=model or self._model, contents=contents, config=settings)

    def _stream(self, contents: Any, model: str | None = None, **config: Any) -> list[Any]:
        settings = types.GenerateContentConfig(automatic_function_calling=MANUAL, **config)
        return list(
            self._client.models.generate_content_stream(model=model or self._model, contents=contents, config=settings)
        )

    def text(self) -> None:
        """An answer in one piece, with a system instruction."""
        answer = self._ask(driven.HELLO, system_instruction="Be brief.", temperature=0.5, max_output_tokens=200)
        if self._setup.simulated:
            equal(answer.text, driven.ECHO, "text")
            equal(self._ask("SYSTEM", system_instruction="Be brief.").text, "System: Be brief.", "system text")
        need(bool(answer.text), answer)
        equal(answer.candidates[0].finish_reason, types.FinishReason.STOP, "finish")
        _adds_up(answer.usage_metadata)

    def stream(self) -> None:
        """Several chunks, a finish reason, usage that adds up."""
        chunks = self._stream(driven.HELLO)
        need(len(chunks) > 2, f"{len(chunks)} chunks")
        if self._setup.simulated:
            equal("".join(chunk.text or "" for chunk in chunks), driven.ECHO, "text")
        equal(chunks[-1].candidates[0].finish_reason, types.FinishReason.STOP, "finish")
        _adds_up(chunks[-1].usage_metadata)

    def tools(self) -> None:
        """Two parallel calls and back, not streamed."""
        self._simulated()
        contents: list[Any] = [_said(driven.TWO_TOOLS)]
        answer = self._ask(contents, tools=TOOLS)
        self._round(contents, answer.candidates[0].content)

    def tools_stream(self) -> None:
        """Two parallel calls and back, streamed."""
        self._simulated()
        contents: list[Any] = [_said(driven.TWO_TOOLS)]
        self._round(contents, _joined(self._stream(contents, tools=TOOLS)))

    def _round(self, contents: list[Any], content: Any) -> None:
        calls = [part.function_call for part in content.parts if part.function_call]
        driven.both(call.name for call in calls)
        for call in calls:
            driven.arguments(call.name, call.args)
        contents.append(content)
        contents.append(types.Content(role="user", parts=[_result(call) for call in calls]))
        last = self._ask(contents, tools=TOOLS)
        driven.final(last.text)
        _adds_up(last.usage_metadata)
        need((last.usage_metadata.cached_content_token_count or 0) > 0, last.usage_metadata)

    def automatic_tools(self) -> None:
        """Functions of Python that the SDK calls by itself."""
        self._simulated()
        called: list[str] = []

        def get_time(zone: str) -> str:
            """The time of a zone."""
            called.append(zone)
            return "noon"

        answer = self._client.models.generate_content(
            model=self._model, contents="TOOLS get_time", config=types.GenerateContentConfig(tools=[get_time])
        )
        has(answer.text, "get_time gave noon")
        equal(called, ["zone grüße 😀"], "calls")

    def forced_tool(self) -> None:
        """A forced tool is called; NONE calls none."""
        self._simulated()
        answer = self._ask("anything", tools=TOOLS, tool_config=_calling("ANY", ["get_time"]))
        equal([call.name for call in answer.function_calls or []], ["get_time"], "forced")
        free = self._ask(driven.TWO_TOOLS, tools=TOOLS, tool_config=_calling("NONE", None))
        need(not free.function_calls, free)

    def thinking(self) -> None:
        """Thoughts, streamed, through a loop of two tool steps whose signatures must be accepted."""
        self._simulated()
        contents: list[Any] = [_said(driven.THINK_TOOLS)]
        config = {"tools": TOOLS, "thinking_config": types.ThinkingConfig(include_thoughts=True)}
        for step in ("get_weather", "get_time"):
            chunks = self._stream(contents, self._setup.think_model, **config)
            need((chunks[-1].usage_metadata.thoughts_token_count or 0) > 0, chunks[-1].usage_metadata)
            content = _joined(chunks)
            if self._setup.shows_thinking:
                has("".join(part.text or "" for part in content.parts if part.thought), "The user wants")
            calls = [part.function_call for part in content.parts if part.function_call]
            equal([call.name for call in calls], [step], "calls")
            contents.append(types.Content(role="model", parts=[part for part in content.parts if not part.thought]))
            contents.append(types.Content(role="user", parts=[_result(calls[0])]))
        has(self._ask(contents, self._setup.think_model, **config).text, "get_time gave noon")

    def structured(self) -> None:
        """A schema of pydantic gives an object of that type."""
        self._simulated()
        answer = self._ask("a dog", response_mime_type="application/json", response_schema=Dog)
        equal(answer.parsed, Dog(name="name grüße 😀", age=7, tags=["tags grüße 😀"]), "parsed")
        schema = Dog.model_json_schema()
        plain = self._ask("a dog", response_mime_type="application/json", response_json_schema=schema)
        equal(Dog.model_validate_json(plain.text).age, 7, "by JSON schema")

    def image(self) -> None:
        """An inline picture arrives as it was sent."""
        self._simulated()
        answer = self._ask([types.Part.from_bytes(data=driven.PNG, mime_type="image/png"), "MEDIA"])
        has(answer.text, f"image/png of {len(driven.PNG)} bytes")

    def length(self) -> None:
        """A cut answer says so."""
        self._simulated()
        equal(self._ask("LENGTH").candidates[0].finish_reason, types.FinishReason.MAX_TOKENS, "finish")

    def bad_request(self) -> None:
        """A file of an impossible kind is a 400 with Google's envelope."""
        part = types.Part.from_bytes(data=b"x", mime_type="application/x-hologram")
        error = driven.raises(errors.ClientError, lambda: self._ask([part, "what is this"]))
        equal((error.code, error.status), (400, "INVALID_ARGUMENT"), "error")

    def unknown_model(self) -> None:
        """An unknown model is a 404."""
        error = driven.raises(errors.ClientError, lambda: self._ask("hi", "no-such-model"))
        equal((error.code, error.status), (404, "NOT_FOUND"), "error")

    def bad_key(self) -> None:
        """A wrong key is refused by the one who was asked."""
        client = self._connect("wrong")
        error = driven.raises(
            errors.ClientError, lambda: client.models.generate_content(model=self._model, contents="hi")
        )
        need(error.code in (400, 401, 403), error)

    def count(self) -> None:
        """Counting gives a number."""
        counted = self._client.models.count_tokens(model=self._model, contents="hello there")
        need((counted.total_tokens or 0) > 0, counted)

    def models(self) -> None:
        """The list is not empty and in Google's shape."""
        entries = list(self._client.models.list())
        need(len(entries) > 0 and all((entry.name or "").startswith("models/") for entry in entries), entries)

    def embeddings(self) -> None:
        """Vectors in order."""
        if self._setup.embed_model == "":
            raise Skipped("no embedding model behind this")
        answer = self._client.models.embed_content(model=self._setup.embed_model, contents=["a", "b"])
        vectors = [entry.values or [] for entry in answer.embeddings or []]
        need([len(vector) for vector in vectors] == [8, 8] and vectors[0] != vectors[1], vectors)

    def midstream(self) -> None:
        """An error in the middle of a stream is raised."""
        self._simulated()
        driven.raises(errors.APIError, lambda: self._stream(driven.BREAK))

    def _simulated(self) -> None:
        if not self._setup.simulated:
            raise Skipped("the demo provider answers in its own words")


def _said(text: str) -> types.Content:
    return types.Content(role="user", parts=[types.Part(text=text)])


def _result(call: Any) -> types.Part:
    response = types.FunctionResponse(id=call.id, name=call.name, response={"output": driven.RESULTS[call.name]})
    return types.Part(function_response=response)


def _joined(chunks: list[Any]) -> types.Content:
    """The content of a stream as clients keep it: every part as it came, empty ones too if they are signed."""
    parts = [part for chunk in chunks for candidate in chunk.candidates or [] if candidate.content
             for part in candidate.content.parts or [] if part.text != "" or part.thought_signature]  # fmt: skip
    return types.Content(role="model", parts=parts)


def _calling(mode: str, names: list[str] | None) -> types.ToolConfig:
    calling = types.FunctionCallingConfig(mode=types.FunctionCallingConfigMode(mode), allowed_function_names=names)
    return types.ToolConfig(function_calling_config=calling)


def _adds_up(usage: Any) -> None:
    parts = (usage.prompt_token_count or 0) + (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    equal(parts, usage.total_token_count, "total")
    need((usage.prompt_token_count or 0) > 0 and (usage.candidates_token_count or 0) > 0, usage)


def cases(setup: Setup) -> dict[str, Any]:
    """The cases in the order in which they run."""
    one = GeminiCases(setup)
    names = [name for name in vars(GeminiCases) if not name.startswith("_")]
    return {name: getattr(one, name) for name in names}
