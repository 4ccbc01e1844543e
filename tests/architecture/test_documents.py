"""Generated documents say what the code says."""

from pathlib import Path

import pytest

from tests.support import documents


@pytest.mark.parametrize("path", documents.DOCUMENTS, ids=lambda path: path.name)
def test_a_generated_document_is_current(path: Path):
    assert path.read_text() == documents.DOCUMENTS[path](), "python -m tests.support.documents"
