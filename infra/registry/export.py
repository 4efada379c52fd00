"""Writing the rows back as files, with a JSON Schema beside them for editors."""

import json
from pathlib import Path

from infra.registry.files import written
from infra.registry.kinds import kinds
from infra.registry.plan import rows_of
from infra.registry.schema import schema_of


def export(folder: Path) -> list[Path]:
    """Write each kind that has rows (or a file already) to `folder`; answers the files that changed."""
    (folder / "schema").mkdir(parents=True, exist_ok=True)
    changed = []
    for kind in kinds():
        rows = rows_of(kind)
        path = folder / kind.file
        if rows or path.exists():
            changed += _write(path, written(kind, {slug: plain for slug, (_, plain) in rows.items()}))
        schema = json.dumps(schema_of(kind), indent=2, ensure_ascii=False) + "\n"
        changed += _write(folder / "schema" / f"{kind.name}.json", schema)
    return changed


def _write(path: Path, text: str) -> list[Path]:
    """Replace the file in one step, and only when it would change."""
    if path.exists() and path.read_bytes() == text.encode():
        return []
    half = path.with_name(f".{path.name}.new")
    half.write_text(text, "utf-8")
    half.replace(path)
    return [path]
