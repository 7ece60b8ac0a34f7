"""cto.new: an agent behind a web page, asked in process. Requests begin a chat, a WebSocket answers it."""
