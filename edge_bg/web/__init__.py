"""The web server's application: an app factory that is handed what it serves. Of the other rooms it knows `stats`.

Needs the extra `web`; `import edge_bg.web` itself imports nothing.
"""
