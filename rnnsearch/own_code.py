"""Code that a study names: a Python file of the user's, read once, hashed, run under its own name.

What belongs to it are the file and those files in its folder that it imports by name (`import
helpers`), and what these import there. Their texts travel together: to workers, and in the folder
of a champion. They are run from these texts, under module names that nothing else has, so two
studies may have a `helpers.py` each. Other files are not there when the code is run elsewhere, so
there is no `__file__`.

    code = read_code("my_cells.py", folder, "[space] cell")
    cell = find(code, "MyCell", "[space] cell")
"""

import ast
import builtins
import contextlib
import difflib
import hashlib
import json
import linecache
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from rnnsearch.errors import RnnsearchError, StudyFileError, cut, shown

LARGEST = 1_000_000  # characters of a file
REFERENCE = re.compile(r"(?P<file>.+\.py):(?P<name>[^\W\d]\w*)")


class OwnCodeError(StudyFileError):
    """A user's own code does not work. Exit code 2."""


@dataclass(frozen=True)
class OwnCode:
    """A file, and the files in its folder that it imports.

    name   as the study file has it, "my_inputs.py" or "parts/my_cells.py"
    files  text by file name, the file itself first
    """

    name: str
    files: Mapping[str, str]

    @cached_property
    def hash(self) -> str:
        """16 hex digits of all texts; not of where the file is, nor of its own name."""
        text, *others = self.files.values()
        names = [*self.files][1:]
        content = json.dumps([text, sorted(zip(names, others, strict=True))])
        return hashlib.sha256(content.encode(errors="surrogatepass")).hexdigest()[:16]

    @property
    def main(self) -> str:
        return next(iter(self.files))

    def __reduce__(self) -> Any:  # without what is cached
        return OwnCode, (self.name, dict(self.files))


def split_reference(text: str) -> tuple[str, str] | None:
    """File and name of "my_cells.py:MyCell", or None where a text is no such reference."""
    match = REFERENCE.fullmatch(text)
    return (match["file"], match["name"]) if match else None


def read_code(name: str, folder: Path, place: str) -> OwnCode:
    """The file `name` (relative to `folder`) and those beside it that it imports; runs nothing.

    `place` begins messages: "[inputs] module". Raises StudyFileError where the file is not there or
    is no Python.
    """
    path = folder / Path(name).expanduser()
    files = {path.name: _text(path, name, place)}
    waiting = [path.name]
    while waiting:
        file = waiting.pop()
        for other in _imported(files[file], name if file == path.name else file, place):
            beside = path.with_name(f"{other}.py")
            if beside.name not in files and beside.is_file():
                files[beside.name] = _text(beside, beside.name, place)
                waiting.append(beside.name)
    return OwnCode(name, files)


def load_module(code: OwnCode, place: str, *, anew: bool = False) -> ModuleType:
    """The module of the file, run the first time that this process asks for these texts.

    `anew`: run again, so that it remembers nothing of earlier calls. Raises OwnCodeError with
    place, file and line.
    """
    library = _Library(code)
    if anew:
        library.forget()
    if (known := sys.modules.get(library.name_of(code.main))) is not None:
        return known
    with running(code, place):
        return library.module(code.main)


def find(code: OwnCode, name: str, place: str) -> Any:
    """What the file calls so. Raises StudyFileError with the names that it has."""
    module = load_module(code, place)
    if name in vars(module):
        return getattr(module, name)
    known = [one for one, value in public(module) if callable(value)]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}?" if near else f"it has {cut(', '.join(known)) or 'nothing'}"
    raise StudyFileError(f"{place}: {code.name} has no {shown(name)}; {hint}")


def public(module: ModuleType) -> list[tuple[str, Any]]:
    """What a file offers: the names of `__all__`, or what it defines under no `_`, in order."""
    everything = vars(module)
    if isinstance(listed := everything.get("__all__"), list | tuple):
        return [(str(name), everything[name]) for name in listed if name in everything]
    return [
        (name, value)
        for name, value in everything.items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]


@contextlib.contextmanager
def running(
    code: OwnCode, place: str, doing: str = "", kind: type[RnnsearchError] = OwnCodeError
) -> Iterator[None]:
    """Run the user's code here: what it raises is told with where in it, as `kind`.

    What it prints goes to stderr, so that `--json` stays JSON; its warnings are not shown.
    """
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        try:
            yield
        except RnnsearchError:
            raise
        except (Exception, SystemExit) as error:
            what = told(error, code) + (f" ({doing})" if doing else "")
            raise kind(f"{place}: {what}; mend it there") from None


def told(error: BaseException, code: OwnCode) -> str:
    """An error with its place: `my_inputs.py, line 12, in speed: KeyError: 'Volume'`."""
    place = code.name
    library = _Library(code)
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        about = trace.tb_frame.f_code
        if file := library.file_of(about.co_filename):
            where = "" if about.co_name.startswith("<") else f", in {about.co_name}"
            shown_as = code.name if file == code.main else file
            place = f"{shown_as}, line {trace.tb_lineno}{where}"
        trace = trace.tb_next
    lines = str(error).strip().splitlines()
    said = f"{type(error).__name__}: {cut(lines[0])}" if lines else type(error).__name__
    if isinstance(error, ModuleNotFoundError):
        said += " (a package that is installed, or a file in the same folder, can be imported)"
    return f"{place}: {said}"


# --- reading -------------------------------------------------------------------------------------


def _text(path: Path, name: str, place: str) -> str:
    try:
        if path.is_dir():
            raise StudyFileError(f"{place}: {shown(name)} is a folder; name one file, as my.py")
        if path.exists() and not path.is_file():
            raise StudyFileError(f"{place}: {shown(name)} is no regular file; copy it into one")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        there = sorted(one.name for one in path.parent.glob("*.py"))
        near = difflib.get_close_matches(path.name, there, n=1)
        hint = f"did you mean {near[0]}?" if near else "paths are relative to the study file"
        raise StudyFileError(f"{place}: there is no file {shown(name)}; {hint}") from None
    except UnicodeDecodeError:
        raise StudyFileError(f"{place}: {shown(name)} is not UTF-8 text; save it so") from None
    except (OSError, ValueError) as error:
        raise StudyFileError(
            f"{place}: {shown(name)} cannot be read: {getattr(error, 'strerror', None) or error}; "
            "name a file that can"
        ) from None
    if len(text) > LARGEST:
        raise StudyFileError(
            f"{place}: {shown(name)} has {len(text):,} characters, and code has at most "
            f"{LARGEST:,}; keep data in the price file"
        )
    return text


def _imported(text: str, name: str, place: str) -> Iterator[str]:
    """Names of the modules that may lie beside the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        raise StudyFileError(f"{place}: {name}{line}: is not Python: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise StudyFileError(f"{place}: {name}: is not Python: {cut(str(error))}") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if _beside(one.name))
        elif isinstance(node, ast.ImportFrom) and node.level <= 1:
            names = [node.module] if node.module else [one.name for one in node.names]
            yield from (one for one in names if node.level or _beside(one))


def _beside(module: str) -> bool:
    return "." not in module and module not in sys.stdlib_module_names


# --- running -------------------------------------------------------------------------------------


class _Library:
    """The modules of one code: among them, imports find each other first."""

    def __init__(self, code: OwnCode) -> None:
        self._code = code
        self._package = f"rnnsearch_own_{code.hash}"

    def name_of(self, file: str) -> str:
        return f"{self._package}.{file.removesuffix('.py')}"

    def forget(self) -> None:
        for file in self._code.files:
            sys.modules.pop(self.name_of(file), None)

    def file_of(self, compiled: str) -> str | None:
        """Which of the files the text was compiled from, by its name in a traceback."""
        package, _, file = compiled.partition("/")
        return file if package == self._package and file in self._code.files else None

    def module(self, file: str) -> ModuleType:
        name, text = self.name_of(file), self._code.files[file]
        if (known := sys.modules.get(name)) is not None:
            return known
        module = ModuleType(name)
        module.__package__ = self._package
        module.__dict__["__builtins__"] = vars(builtins) | {"__import__": self._import}
        compiled = f"{self._package}/{file}"
        linecache.cache[compiled] = (len(text), None, text.splitlines(keepends=True), compiled)
        sys.modules[name] = module
        try:
            exec(compile(text, compiled, "exec", dont_inherit=True), module.__dict__)
        except BaseException:
            del sys.modules[name]
            raise
        return module

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: tuple[str, ...] = (),
        level: int = 0,
    ) -> Any:
        """Python's `__import__`, to which the files of this code come first."""
        file = f"{name}.py"
        if file in self._code.files and (level == 1 or (level == 0 and _beside(name))):
            return self.module(file)
        if level == 1 and not name:
            folder = ModuleType(self._package)
            for one in fromlist:
                if f"{one}.py" in self._code.files:
                    setattr(folder, one, self.module(f"{one}.py"))
            return folder
        if level:
            raise ModuleNotFoundError(f"No module named {'.' * level + name!r}")
        return builtins.__import__(name, globals, locals, fromlist, level)
