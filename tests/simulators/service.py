"""One request in, one reply out: paths to checkers and answerers. No socket, no misbehaviour."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.simulators import (
    access,
    behaviour,
    chat_answer,
    chat_check,
    embeddings,
    gemini_answer,
    gemini_check,
    gemini_proto,
    images,
    listing,
    messages_answer,
    messages_check,
    models,
    refusal,
    responses_answer,
    responses_check,
    subscriptions,
)
from tests.simulators.connection import Request
from tests.simulators.models import Model
from tests.simulators.oauth import TokenEndpoint
from tests.simulators.prompt import Prompt
from tests.simulators.reply import Reply

METHOD = re.compile(r"^/v1(?:beta1?)?/(?:projects/[^/]+/locations/[^/]+/publishers/google/)?models/([^/]+):(\w+)$")


class Service:
    """The four hosts behind one address. `stored`: finished responses by id; `tokens`: the token endpoint.

    bound_to_key: what one key was given signed, no other may bring back, as with keys of different organisations.
    takes: which tokens of sign-ins are good.
    """

    def __init__(self) -> None:
        self.bound_to_key = False
        self.takes: Callable[[str], bool] = subscriptions.invented
        self.stored: dict[str, list[Any]] = {}
        self.tokens = TokenEndpoint()

    def answer(self, request: Request, host: str, path: str, address: str) -> Reply:
        """The reply of `host`. Raises `Refusal`."""
        if path == "/token":
            return self.tokens.exchange(request.body, f"{address}/token")
        if host in subscriptions.BASES:
            return self._subscription(request, host, path)
        if request.method == "HEAD":
            return Reply(body=None)
        access.check(host, request, self.tokens.accepts)
        if request.method == "GET":
            return listing.respond(host, path, request)
        if request.method != "POST":
            raise access.not_found(host, path)
        body = _json(request, access.dialect_of(host, path))
        if host in ("gemini", "vertex"):
            return self._gemini(request, path, body)
        return self._anthropic(request, path, body) if host == "anthropic" else self._openai(request, path, body)

    def _subscription(self, request: Request, host: str, path: str) -> Reply:
        if request.method == "GET" and path.endswith(subscriptions.PLAN):
            return Reply(body=subscriptions.plan(host, path, request, self.takes))
        subscriptions.check_door(host, request, path, self.takes)
        dialect = subscriptions.dialect_of(host, path)
        if request.method == "GET":
            return Reply(body=subscriptions.listed(host, path))
        body = _json(request, dialect)
        if dialect == "gemini":
            return self._code_assist(request, host, path, body)
        if path == "/embeddings" and host == "copilot":
            return embeddings.openai_embeddings(body)
        facts = self._own(subscriptions.find(host, str(body.get("model"))), request)
        digest = _digest(request)
        if path in ("/v1/messages", "/v1/messages/count_tokens") and host in ("claude", "kimi"):
            return self._messages(request, path, body, facts)
        if path == "/responses" and host in ("chatgpt", "xai", "copilot"):
            if host == "chatgpt":
                subscriptions.check_chatgpt(body, request.headers)
            reply = self._responses(body, facts, digest)
            return replace(reply, content_type="") if host == "chatgpt" else reply
        if path == ("/v1/chat/completions" if host == "kimi" else "/chat/completions") and host != "chatgpt":
            if host == "copilot":
                subscriptions.check_copilot(body, request.headers)
            prompt = chat_check.check(body, facts, digest)
            return _answered(chat_answer.respond, prompt)
        raise refusal.of_status(dialect, 404, f"Not found: {path}")

    def _code_assist(self, request: Request, host: str, path: str, body: Any) -> Reply:
        method = path.removeprefix("/v1internal:")
        if method not in ("generateContent", "streamGenerateContent", "countTokens"):
            raise refusal.gemini("Not found", status=404)
        name, inner = subscriptions.opened(body, method)
        facts = self._own(subscriptions.find(host, name), request)
        digest = _digest(request)
        if method == "countTokens":
            return Reply(body={"totalTokens": _count(inner, name, facts, digest).body["totalTokens"]})
        stream = method == "streamGenerateContent"
        if stream and request.query.get("alt") != "sse":
            raise refusal.gemini("this simulator streams events only")
        prompt = gemini_check.check(inner, name, facts, digest, stream=stream)
        return subscriptions.enclosed(_answered(gemini_answer.respond, prompt))

    def _openai(self, request: Request, path: str, body: Any) -> Reply:
        if not isinstance(body, dict):
            raise refusal.openai(
                "We could not parse the JSON body of your request. (HINT: This likely means you "
                "aren't using your HTTP library correctly.)"
            )
        if path == "/v1/embeddings":
            return embeddings.openai_embeddings(body)
        if path == "/v1/images/generations":
            return images.openai_images(body)
        digest = _digest(request)
        if path == "/v1/chat/completions":
            prompt = chat_check.check(body, self._own(_openai_model(body), request), digest)
            return _answered(chat_answer.respond, prompt)
        if path == "/v1/responses":
            return self._responses(body, self._own(_openai_model(body), request), digest)
        if path == "/v1/responses/input_tokens":
            facts = self._own(_openai_model(body), request)
            prompt = responses_check.check(body, facts, digest, self.stored)
            return Reply(body={"object": "response.input_tokens", "input_tokens": behaviour.counted(prompt)})
        raise access.not_found("openai", path)

    def _responses(self, body: dict[str, Any], facts: Model, digest: str) -> Reply:
        prompt = responses_check.check(body, facts, digest, self.stored)
        answer = behaviour.answer(prompt)
        if prompt.echo["store"]:
            history = [*prompt.echo["input"], *responses_answer.items(prompt, answer)]
            self.stored[responses_answer.identity(prompt)] = history
        return replace(responses_answer.respond(prompt, answer), usage=answer.usage)

    def _anthropic(self, request: Request, path: str, body: Any) -> Reply:
        if not isinstance(body, dict):
            raise refusal.anthropic("The request body is not valid JSON: expected an object")
        if path not in ("/v1/messages", "/v1/messages/count_tokens"):
            raise access.not_found("anthropic", path)
        if not isinstance(body.get("model"), str):
            raise refusal.anthropic("model: Field required")
        facts = models.find("anthropic", body["model"])
        if facts is None:
            raise refusal.anthropic(f"model: {body['model']}", status=404)
        return self._messages(request, path, body, self._own(facts, request))

    def _messages(self, request: Request, path: str, body: Any, facts: Model) -> Reply:
        counting = path.endswith("count_tokens")
        prompt = messages_check.check(body, facts, _digest(request), request.headers, counting=counting)
        if counting:
            return Reply(body={"input_tokens": behaviour.counted(prompt)})
        return _answered(messages_answer.respond, prompt)

    def _gemini(self, request: Request, path: str, body: Any) -> Reply:
        found = METHOD.match(path)
        if found is None:
            raise access.not_found("gemini", path)
        name, method = found.groups()
        if method in ("embedContent", "batchEmbedContents") and name.startswith("gemini-embedding"):
            if method == "embedContent":
                return embeddings.gemini_single(body)
            return embeddings.gemini_batch(body, name)
        if method == "predict" and name.startswith("imagen"):
            return images.imagen(gemini_proto.read(body, "PredictRequest"))
        facts = models.find("gemini", name)
        if facts is None or method not in ("generateContent", "streamGenerateContent", "countTokens"):
            version = path.split("/")[1]
            raise refusal.gemini(
                f"models/{name} is not found for API version {version}, or is not supported for {method}. "
                "Call ListModels to see the list of available models and their supported methods.",
                status=404,
            )
        facts = self._own(facts, request)
        if method == "countTokens":
            return _count(body, name, facts, _digest(request))
        stream = method == "streamGenerateContent"
        prompt = gemini_check.check(body, name, facts, _digest(request), stream=stream)
        return _answered(gemini_answer.respond, prompt, sse=request.query.get("alt") == "sse")

    def _own(self, facts: Model, request: Request) -> Model:
        """The model as this key has it."""
        if not self.bound_to_key:
            return facts
        return replace(facts, family=f"{facts.family} of {access.credential(request)}")


def _answered(respond: Callable[..., Reply], prompt: Prompt, **more: Any) -> Reply:
    answer = behaviour.answer(prompt)
    return replace(respond(prompt, answer, **more), usage=answer.usage)


def _digest(request: Request) -> str:
    return hashlib.sha256(request.path.encode() + request.body).hexdigest()


def _json(request: Request, dialect: str) -> Any:
    try:
        return request.json()
    except ValueError:
        messages = {
            "messages": "The request body is not valid JSON",
            "gemini": "Invalid JSON payload received. Unexpected token.",
        }
        text = messages.get(dialect, "We could not parse the JSON body of your request.")
        raise refusal.of_status(dialect, 400, text) from None


def _openai_model(body: dict[str, Any]) -> Model:
    name = body.get("model")
    if not isinstance(name, str):
        raise refusal.openai("you must provide a model parameter")
    facts = models.find("openai", name)
    if facts is None:
        raise refusal.openai(
            f"The model `{name}` does not exist or you do not have access to it.", None, "model_not_found", status=404
        )
    return facts


def _count(body: Any, name: str, facts: Model, digest: str) -> Reply:
    request = gemini_proto.read(body, "CountTokensRequest")
    whole = request.get("generateContentRequest")
    if whole is not None and request.get("contents"):
        raise refusal.gemini("Only one of contents and generate_content_request can be set.")
    if whole is not None and whole.pop("model", None) != f"models/{name}":
        raise refusal.gemini("* CountTokensRequest.generate_content_request.model: model is required.")
    prompt = gemini_check.build(whole if whole is not None else request, name, facts, digest)
    total = behaviour.counted(prompt)
    details = [{"modality": "TEXT", "tokenCount": total}]
    return Reply(body={"totalTokens": total, "promptTokensDetails": details})
