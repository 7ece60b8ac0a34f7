"""The WebAI service: Gemini's web page with cookies of one's own, and gpt4free behind it, as an HTTP server.

What it asks providers with are optional packages under licences of their own (docs/webai.md); nothing here needs them.
"""
