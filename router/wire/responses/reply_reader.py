"""An unstreamed Responses answer as events: the same item reader as for streams."""

from __future__ import annotations

from router.faults import Fault
from router.wire import openai_errors
from router.wire.capabilities import Capabilities
from router.wire.conversation import JsonObject
from router.wire.events import Event, Failed, Started
from router.wire.responses.output_reader import OutputReader
from router.wire.responses.stream_reader import finish


def read_reply(body: JsonObject, capabilities: Capabilities) -> list[Event]:
    """See `DialectSpec.read_reply`. A body with an `error` gives `Failed`; one without `output` raises `Fault`."""
    error = body.get("error")
    if isinstance(error, dict):
        return [Failed(openai_errors.from_error(error))]
    if body.get("status") in ("failed", "cancelled"):
        message = f"The provider says that the response is {body['status']}."
        return [Failed(openai_errors.from_error({"message": message}))]
    if not isinstance(body.get("output"), list):
        raise Fault("upstream_broken", "The provider's answer has no list of output items.")
    output = OutputReader(capabilities.family)
    output.response_id = body["id"] if isinstance(body.get("id"), str) else ""
    model = body.get("model")
    return [Started(output.response_id, model if isinstance(model, str) else ""), *finish(body, output)]
