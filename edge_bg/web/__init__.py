"""The web server's application: an app factory that is handed what it serves. It imports no other room.

Needs the extra `web`; `import edge_bg.web` itself imports nothing.
"""
