"""Stand-ins on loopback for what the WebAI service asks: Gemini's web page, and a server behind gpt4free."""
