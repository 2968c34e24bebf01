"""In which encoding a text file is written, where that is not UTF-8.

The names of the columns prove it best: bytes that read as 終値 in Shift-JIS are no word in another.
Where they are plain ASCII, only text beside the prices is concerned, and charset-normalizer judges.
"""

import codecs
import contextlib
from collections.abc import Callable, Sequence

from charset_normalizer import from_bytes

from rnnsearch.data.files.names import USUAL, usual_names
from rnnsearch.data.files.unpacking import CHUNK, Source, opened

# Of the first that prove as much: Western before Central European, which differ in few letters.
ENCODINGS = (
    *("cp950", "gb18030", "cp932", "cp949"),
    *("cp1252", "cp1250", "cp1251", "cp1254", "cp1253", "cp874", "cp1258", "cp1255", "cp1256"),
)
SAMPLE = 2**18  # bytes that charset-normalizer judges


def check_decodes(source: Source, encoding: str) -> None:
    """The whole file is text. Raises UnicodeError."""
    decoder = codecs.getincrementaldecoder(encoding)()
    with opened(source) as stream:
        while chunk := stream.read(CHUNK):
            decoder.decode(chunk)
    decoder.decode(b"", final=True)


def _decodes(source: Source, encoding: str) -> bool:
    try:
        check_decodes(source, encoding)
    except UnicodeError:
        return False
    return True


def proofs(header: Sequence[str]) -> int:
    """How many names are known ones that another encoding would not have shown."""
    read = zip(header, usual_names(header), strict=True)
    return sum(new in ("Date", *USUAL) for old, new in read if not old.isascii())


def encoding_of(source: Source, header: Callable[[str], Sequence[str]]) -> str | None:
    """The encoding of a file that is not UTF-8; None where nothing shows it.

    `header` reads the names of its columns in an encoding.
    """
    read: dict[str, Sequence[str]] = {}
    for encoding in ENCODINGS:
        with contextlib.suppress(UnicodeError):
            read[encoding] = header(encoding)
    likely = sorted(read, key=lambda encoding: -proofs(read[encoding]))  # stable
    best = next((encoding for encoding in likely if _decodes(source, encoding)), None)
    if best is None or proofs(read[best]):
        return best
    names = read[best]
    if not all(name.isascii() for name in names) or not set(usual_names(names)) & {"Date"}:
        return None
    with opened(source) as stream:
        judged = from_bytes(stream.read(SAMPLE), cp_isolation=list(ENCODINGS)).best()
    return judged.encoding if judged is not None and judged.encoding in read else None
