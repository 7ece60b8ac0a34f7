"""The AI Studio service: a person's own Google AI Studio sessions, driven in real browsers, as models of the gateway.

`service.AIStudio` is the core: a Gemini request in, Gemini response objects out. Nothing here knows how they travel.
"""
