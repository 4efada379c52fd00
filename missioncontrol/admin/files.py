"""Handing out stored evidence: somebody's bytes, so nothing in them may run in the admin's name."""

from django.http import FileResponse, Http404, HttpResponseBase

from missioncontrol.models import Evidence

# Only what begins like a picture is shown as one, whatever its name says.
PICTURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"


def download(evidence: Evidence) -> HttpResponseBase:
    """The stored file: pictures inline, everything else as an attachment of no particular type."""
    if not evidence.file:
        raise Http404("This evidence has no stored file.")
    try:
        stream = evidence.file.open("rb")
    except FileNotFoundError:
        raise Http404("The stored file is gone from the disk.") from None
    kind = picture_type(stream.read(12))
    stream.seek(0)
    name = evidence.name.replace("\\", "/").rsplit("/", 1)[-1]
    response = FileResponse(
        stream, as_attachment=not kind, filename=name, content_type=kind or "application/octet-stream"
    )
    response["Content-Security-Policy"] = POLICY
    response["Cache-Control"] = "private, max-age=3600"
    return response


def picture_type(start: bytes) -> str:
    """The picture's content type by its first 12 bytes, or nothing."""
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for mark, kind in PICTURES.items() if start.startswith(mark)), "")
