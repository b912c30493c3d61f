"""The live view: Redis Streams in, WebSocket frames out."""
