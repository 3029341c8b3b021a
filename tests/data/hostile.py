"""A server that says the text in HOSTILE wherever it can say a text."""

import json
import os
import sys

H = json.loads(os.environ["HOSTILE"])
SCHEMA = {
    "type": "object",
    "properties": {H: {"type": "string", "title": H, "description": H, "default": H, "enum": [H]}},
    "required": [H],
}
TOOLS = [
    {"name": H, "title": H, "description": H, "inputSchema": SCHEMA, "annotations": {"readOnlyHint": True, "title": H}},
    {"name": H + "2", "description": H, "inputSchema": SCHEMA, "outputSchema": SCHEMA, "_meta": {H: H}},
]
RESULTS = {
    "initialize": {
        "protocolVersion": "2025-11-25",
        "serverInfo": {"name": H, "title": H, "version": H, "description": H, "websiteUrl": H},
        "instructions": H,
        "capabilities": {"tools": {}, "resources": {}, "prompts": {}, "logging": {}, H: {H: H}},
    },
    "ping": {},
    "tools/list": {"tools": TOOLS},
    "tools/call": {"content": [{"type": "text", "text": H}], "structuredContent": {H: H}, "isError": H},
    "resources/list": {"resources": [{"uri": H, "name": H, "mimeType": H, "description": H}]},
    "resources/templates/list": {"resourceTemplates": [{"uriTemplate": H, "name": H, "description": H}]},
    "resources/read": {"contents": [{"uri": H, "mimeType": H, "text": H}]},
    "prompts/list": {
        "prompts": [{"name": H, "description": H, "arguments": [{"name": H, "description": H, "required": True}]}]
    },
    "prompts/get": {"description": H, "messages": [{"role": H, "content": {"type": "text", "text": H}}]},
}


def say(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def escaped(text):
    return text.encode("utf-8", "replace").decode("utf-8")


sys.stdout.reconfigure(encoding="utf-8", errors="replace")
sys.stderr.reconfigure(encoding="utf-8", errors="replace")
sys.stderr.write(escaped(H) + "\n")
sys.stderr.flush()
if os.environ.get("DIE"):
    sys.stdout.write(escaped(H) + "\n")
    sys.exit(3)
for line in sys.stdin:
    try:
        message = json.loads(line)
        method = message.get("method")
    except (ValueError, AttributeError):
        continue
    if method == "initialize":
        # A line that is no message, and notifications that nobody knows.
        sys.stdout.write(escaped(H) + "\n")
        say({"method": H, "params": {H: H}})
        say({"method": "notifications/message", "params": {"level": H, "logger": H, "data": H}})
    if "id" not in message or method is None:
        continue
    if method in RESULTS:
        say({"id": message["id"], "result": RESULTS[method]})
    else:
        say({"id": message["id"], "error": {"code": -32601, "message": H, "data": {H: H}}})
