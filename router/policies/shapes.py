"""What is changed of the requests of a key or of a route. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from router.policies.system_prompt import SystemPrompt
from router.policies.thinking import ThinkingRule
from router.settings.auth import KeyRights
from router.settings.policy_blocks import SystemPrompt as PromptBlock
from router.settings.policy_blocks import Thinking
from router.settings.schema import Settings


class Shape(Struct, frozen=True):
    """What is changed of one call. thinking: None where nobody says anything about it."""

    system: SystemPrompt = SystemPrompt()
    thinking: ThinkingRule | None = None


AS_IT_IS = Shape()


class Shapes(Struct, frozen=True, kw_only=True):
    """keys: by the key's id. routes: by the number of the rule. thinking: for everybody else."""

    keys: Mapping[str, Shape] = {}
    routes: Mapping[int, Shape] = {}
    thinking: ThinkingRule | None = None

    def of(self, key: str, route: int | None) -> Shape:
        """What counts for a call of this key that this rule serves. Both prompts, the key's outside; of the words about
        thinking the key's, else the rule's, else the general one."""
        if key not in self.keys and route not in self.routes:
            return AS_IT_IS if self.thinking is None else Shape(thinking=self.thinking)
        own = self.keys.get(key, AS_IT_IS)
        ruled = self.routes.get(route, AS_IT_IS) if route is not None else AS_IT_IS
        return Shape(own.system.around(ruled.system), own.thinking or ruled.thinking or self.thinking)


def shapes_of(settings: Settings, keys: Mapping[str, KeyRights]) -> Shapes:
    """What the settings and the keys say. keys: by id."""
    return Shapes(
        keys={
            key: _shape(rights.system_prompt, rights.thinking)
            for key, rights in keys.items()
            if rights.system_prompt is not None or rights.thinking is not None
        },
        routes={
            number: _shape(route.system_prompt, route.thinking)
            for number, route in enumerate(settings.models.routing, 1)
            if route.system_prompt is not None or route.thinking is not None
        },
        thinking=_thinking(settings.policies.thinking),
    )


def _shape(prompt: PromptBlock | None, thinking: Thinking | None) -> Shape:
    system = SystemPrompt(prompt.prepend, prompt.append) if prompt is not None else SystemPrompt()
    return Shape(system, _thinking(thinking))


def _thinking(block: Thinking | None) -> ThinkingRule | None:
    return ThinkingRule(block.mode, block.default, block.max) if block is not None else None
