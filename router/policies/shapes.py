"""What is changed of the requests of a key or of a route. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from router.policies.system_prompt import SystemPrompt
from router.policies.thinking import ThinkingRule
from router.providers.config import ProviderConfig
from router.settings.auth import KeyRights
from router.settings.policy_blocks import SystemPrompt as PromptBlock
from router.settings.policy_blocks import Thinking
from router.settings.schema import Settings


class Shape(Struct, frozen=True):
    """What is changed of one call. thinking: None where nobody says anything about it. final: whether the key says it,
    behind which no account has a say."""

    system: SystemPrompt = SystemPrompt()
    thinking: ThinkingRule | None = None
    final: bool = False


AS_IT_IS = Shape()


class Shapes(Struct, frozen=True, kw_only=True):
    """keys: by the key's id. routes: by the number of the rule. thinking: for everybody else. accounts: those that have
    a rule about thinking, with it, by provider."""

    keys: Mapping[str, Shape] = {}
    routes: Mapping[int, Shape] = {}
    thinking: ThinkingRule | None = None
    accounts: Mapping[str, tuple[tuple[str, ThinkingRule], ...]] = {}

    def of(self, key: str, route: int | None) -> Shape:
        """What counts for a call of this key that this rule serves. Both prompts, the key's outside; of the words about
        thinking the key's, else the rule's, else the general one. What an account says stands between the first two,
        and is known once there is one."""
        if key not in self.keys and route not in self.routes:
            return AS_IT_IS if self.thinking is None else Shape(thinking=self.thinking)
        own = self.keys.get(key, AS_IT_IS)
        ruled = self.routes.get(route, AS_IT_IS) if route is not None else AS_IT_IS
        thinking = own.thinking or ruled.thinking or self.thinking
        return Shape(own.system.around(ruled.system), thinking, own.thinking is not None)


def shapes_of(settings: Settings, keys: Mapping[str, KeyRights], providers: Iterable[ProviderConfig] = ()) -> Shapes:
    """What the settings, the keys and the accounts say. keys: by id."""
    ruling = {
        each.id: tuple((account.id, account.thinking) for account in each.accounts if account.thinking is not None)
        for each in providers
    }
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
        thinking=rule_of(settings.policies.thinking),
        accounts={provider: rules for provider, rules in ruling.items() if rules},
    )


def _shape(prompt: PromptBlock | None, thinking: Thinking | None) -> Shape:
    system = SystemPrompt(prompt.prepend, prompt.append) if prompt is not None else SystemPrompt()
    return Shape(system, rule_of(thinking))


def rule_of(block: Thinking | None) -> ThinkingRule | None:
    """A block of the settings as a rule."""
    return ThinkingRule(block.mode, block.default, block.max) if block is not None else None
