"""How to generate: the settings of a chat completion, and the request that they make."""

import json
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from tinyllama.settings import Settings


def _from_json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError('should be a JSON list of texts, such as ["\\n\\n", "User:"]') from None


class Generation(Settings):
    """Settings that every engine knows; bounds are the narrowest of OpenAI's, vLLM's and llama.cpp's.

    All are sent with every request: what one leaves out, each server chooses differently.
    """

    max_tokens: int = Field(256, ge=1, le=4_096)
    temperature: float = Field(0.7, ge=0, le=2)
    top_p: float = Field(0.95, gt=0, le=1)
    stop: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_from_json)] = Field(
        (), max_length=4
    )
    """Texts that end a reply and are not part of it; in the environment a JSON list."""
    seed: int | None = Field(None, ge=0, le=2**31 - 1)
    """Without one the engine takes another each time."""
    system_prompt: str = Field("", max_length=4_096)
    """Put before every prompt, in the form that the model's chat template gives it; costs context."""

    def request(self, model: str, prompt: str) -> dict[str, Any]:
        """The body of `POST /v1/chat/completions`, streamed, with the usage at the end."""
        system = [{"role": "system", "content": self.system_prompt}] if self.system_prompt else []
        optional = {"stop": list(self.stop) or None, "seed": self.seed}
        return {
            "model": model,
            "messages": [*system, {"role": "user", "content": prompt}],
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            **{name: value for name, value in optional.items() if value is not None},
            "stream": True,
            "stream_options": {"include_usage": True},
        }
