"""Server-Sent Events over append-only tables, resumable with nothing lost or repeated.

An app describes its table as a `Source`; its endpoint checks the caller as any other does and ends with
`opening.open_stream`. The ASGI callable (`alai.asgi`) then takes the connection over. See docs/streams.md.
"""
