"""PTX text in, a `Module` out: a tokenizer and a recursive-descent parser for what NVRTC writes.

The grammar is that of NVIDIA's "Parallel Thread Execution ISA", without what NVRTC never writes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import PureWindowsPath
from typing import TypeVar

from autograder.cuda.faults import NotSupported
from autograder.cuda.ptx.flow import targets
from autograder.cuda.ptx.model import (
    WIDTHS,
    Address,
    Function,
    Immediate,
    Instruction,
    Label,
    Module,
    Negated,
    Operand,
    Pair,
    Parameter,
    Prototype,
    Register,
    Sink,
    Symbol,
    Variable,
    Vector,
    size_of,
)

T = TypeVar("T")

_FILE = re.compile(r'\.file\s+(?P<number>\d+)\s+"(?P<path>[^"]*)"')
# Comments, names of files and debuggers' sections hold nothing that runs.
_IGNORED = re.compile(r'\.file\s+\d+\s+"[^"]*"(?:\s*,\s*\d+)*|//[^\n]*|/\*.*?\*/|\.section\b[^{]*\{[^}]*\}', re.DOTALL)
# An opcode, a directive, a name, a special register and a number are each one token, dots included.
_TOKEN = re.compile(r'[.%$\w](?:[.$\w]|::)*|"[^"]*"|\S')

_LINKING = frozenset({".visible", ".extern", ".weak", ".common"})
_SPACES = frozenset({".global", ".const", ".shared", ".local", ".param"})
_THREAD_LIMITS = frozenset({".maxntid", ".reqntid"})
_TUNING = frozenset({".minnctapersm", ".maxnctapersm", ".maxnreg", ".noreturn"})
# No compiler writes more; assembly in a kernel's source could.
MOST_REGISTERS = 100_000  # of one declaration
_ALIGNMENTS = frozenset(1 << k for k in range(11))
_CONSTANTS = {"WARP_SZ": Immediate(32)}


def parse(text: str, source: str = "kernel.cu") -> Module:
    """Read a module of PTX.

    Instructions carry lines of the file named `source`, the one that NVRTC was given.
    A `call` always has the operands results, callee, arguments (results and arguments are vectors) and, where the
    callee is a register, its prototype's name. The second operand of `brx.idx` is the vector of its labels.
    What an inner scope declares gets a name of its own: `param0` in a function's third scope becomes `param0.3`.

    Raises:
        NotSupported: a statement is in no known form; the message names it.
    """
    main = {int(file["number"]) for file in _FILE.finditer(text) if PureWindowsPath(file["path"]).name == source}
    return _ModuleParser(_Tokens(text), main).parse()


class _Unexpected(Exception):
    """A token that the grammar does not have at its place."""


class _Tokens:
    """The tokens of a text, read from left to right. The last one is empty."""

    def __init__(self, text: str) -> None:
        self.text = _IGNORED.sub(" ", text)
        matches = list(_TOKEN.finditer(self.text))
        self.words = [match[0] for match in matches] + [""]
        self.starts = [match.start() for match in matches] + [len(self.text)]
        self.position = 0

    @property
    def word(self) -> str:
        """The next token, which stays where it is."""
        return self.words[self.position]

    def take(self) -> str:
        word = self.words[self.position]
        if not word:
            raise _Unexpected
        self.position += 1
        return word

    def accept(self, word: str) -> bool:
        """Take the next token if it is this one."""
        if self.words[self.position] != word:
            return False
        self.position += 1
        return True

    def expect(self, word: str) -> None:
        if not self.accept(word):
            raise _Unexpected

    def integer(self) -> int:
        """An integer in any notation: `7`, `-1`, `0x1FU`."""
        negative = self.accept("-")
        try:
            value = int(self.take().rstrip("U"), 0)
        except ValueError:
            raise _Unexpected from None
        return -value if negative else value

    def natural(self) -> int:
        """An integer that counts something."""
        if self.word == "-":
            raise _Unexpected
        return self.integer()

    def separated(self, item: Callable[[], T], end: str) -> Iterator[T]:
        """Items with commas between them, up to the token that ends them."""
        if self.accept(end):
            return
        yield item()
        while not self.accept(end):
            self.expect(",")
            yield item()

    def text_since(self, position: int) -> str:
        """What was read since the token at `position`, on one line."""
        return " ".join(self.text[self.starts[position] : self.starts[self.position]].split())

    def statement_at(self, position: int) -> str:
        """The beginning of the statement at `position`, as much as an error message needs."""
        statement = re.split(r"[;{]", self.text[self.starts[position] :], maxsplit=1)[0]
        return " ".join(statement.split())[:100]


class _ModuleParser:
    """Statements outside of functions."""

    def __init__(self, tokens: _Tokens, main: set[int]) -> None:
        self.tokens = tokens
        self.main = main
        self.module = Module()

    def parse(self) -> Module:
        while self.tokens.word:
            begin = self.tokens.position
            try:
                self._statement()
            except (_Unexpected, ValueError):
                raise _not_supported(self.tokens, begin) from None
        self._keep_declarations_without_body()
        return self.module

    def _keep_declarations_without_body(self) -> None:
        self.module.declared = {name: p for name, p in self.module.declared.items() if name not in self.module.functions}

    def _statement(self) -> None:
        linking = set()
        while self.tokens.word in _LINKING:
            linking.add(self.tokens.take())
        match word := self.tokens.take():
            case ".version" | ".target" | ".address_size":
                _skip_list(self.tokens)
            case ".entry" | ".func":
                self._function(entry=word == ".entry")
            case _ if word in _SPACES:
                variable = _variable(self.tokens, word, external=".extern" in linking)
                self.module.variables[variable.name] = variable
            case _:
                raise _Unexpected

    def _function(self, *, entry: bool) -> None:
        results = _parameters(self.tokens) if self.tokens.word == "(" else ()
        name = self.tokens.take()
        parameters = _parameters(self.tokens) if self.tokens.word == "(" else ()
        max_threads = _performance_directives(self.tokens)
        if self.tokens.accept(";"):
            self.module.declared[name] = Prototype(name, parameters, results)
            return
        self.tokens.expect("{")
        function = Function(name, entry, parameters, results, max_threads=max_threads)
        _BodyParser(self.tokens, function, _Lines(self.main)).parse()
        _check_labels(function)
        self.module.functions[name] = function


def _not_supported(tokens: _Tokens, begin: int, line: int = 0) -> NotSupported:
    where = f"line {line}: without" if line else "Without"
    return NotSupported(f"{where} a GPU, kernels cannot use this PTX statement: `{tokens.statement_at(begin)}`")


def _check_labels(function: Function) -> None:
    """Assembly in a kernel's source may name labels that are nowhere, or twice: NVRTC passes it on unread."""
    names = [item.name for item in function.body if isinstance(item, Label)]
    labels = set(names)
    if len(names) > len(labels):
        raise NotSupported(f"the function {function.name} has several labels of one name, as assembly has that is inlined twice: write it in {{ }}")
    for item in function.body:
        if isinstance(item, Instruction) and not labels.issuperset(targets(item)):
            raise NotSupported(f"line {item.line}: there is no such label as this PTX instruction goes to: `{item.text}`")


def _skip_list(tokens: _Tokens) -> None:
    tokens.take()
    while tokens.accept(","):
        tokens.take()


def _performance_directives(tokens: _Tokens) -> tuple[int, int, int] | None:
    """What stands between a function's head and its body; only the bound on a block's threads matters here."""
    limit = None
    while tokens.word.startswith("."):
        word = tokens.take()
        if word not in _THREAD_LIMITS and word not in _TUNING:
            raise _Unexpected
        numbers = _numbers(tokens)
        if word in _THREAD_LIMITS:
            x, y, z = (*numbers, 1, 1)[:3]
            limit = (x, y, z)
    return limit


def _numbers(tokens: _Tokens) -> list[int]:
    numbers = []
    while tokens.word[:1].isdigit():
        numbers.append(tokens.integer())
        tokens.accept(",")
    return numbers


def _parameters(tokens: _Tokens) -> tuple[Parameter, ...]:
    """`(.param .b32 a, .param .align 8 .b8 b[16])`, laid out one behind the other as C would."""
    tokens.expect("(")
    parameters: list[Parameter] = []
    end = 0
    for declared in tokens.separated(lambda: _declarator(tokens), ")"):
        offset = -(-end // declared.align) * declared.align
        end = offset + declared.size
        type_ = None if declared.dimensions else declared.type
        parameters.append(Parameter(declared.name, type_, declared.size, declared.align, offset))
    return tuple(parameters)


@dataclass(frozen=True)
class _Declarator:
    """`.align 8 .b8 name[2][4]`."""

    type: str
    name: str
    align: int
    dimensions: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes. An array without a length has none."""
        return size_of(self.type) * math.prod(self.dimensions)


def _declarator(tokens: _Tokens) -> _Declarator:
    type_, align = "", 0
    while tokens.word.startswith("."):
        word = tokens.take()[1:]
        if word == "align":
            align = tokens.natural()
            if align not in _ALIGNMENTS:
                raise _Unexpected
        elif word == "ptr":
            _skip_pointee(tokens)
        elif word in WIDTHS:
            type_ = word
        elif word != "param":
            raise _Unexpected
    if not type_:
        raise _Unexpected
    name = tokens.take()
    dimensions = []
    while tokens.accept("["):
        dimensions.append(0 if tokens.word == "]" else tokens.natural())
        tokens.expect("]")
    return _Declarator(type_, name, align or size_of(type_), tuple(dimensions))


def _skip_pointee(tokens: _Tokens) -> None:
    """`.global .align 4` behind `.ptr` tells where a pointer points to."""
    if tokens.word in _SPACES:
        tokens.take()
    if tokens.accept(".align"):
        tokens.integer()


def _variable(tokens: _Tokens, space: str, *, external: bool) -> Variable:
    declared = _declarator(tokens)
    data: bytes | None = None
    pointers: tuple[tuple[int, Symbol, bool], ...] = ()
    if tokens.accept("="):
        data, pointers = _Initialiser(tokens, declared).parse()
    tokens.expect(";")
    return Variable(space[1:], declared.name, declared.size, declared.align, external, data, pointers)


class _Initialiser:
    """`5`, `{1, 2}`, `{{1}, {2, 3}}`, `{generic(other)+4, 0}`: the bytes that a variable begins with."""

    def __init__(self, tokens: _Tokens, declared: _Declarator) -> None:
        self.tokens = tokens
        self.step = size_of(declared.type)
        self.dimensions = declared.dimensions
        self.data = bytearray(declared.size)
        self.pointers: list[tuple[int, Symbol, bool]] = []

    def parse(self) -> tuple[bytes, tuple[tuple[int, Symbol, bool], ...]]:
        self._value(0, self.dimensions)
        return bytes(self.data), tuple(self.pointers)

    def _value(self, at: int, dimensions: tuple[int, ...]) -> None:
        if not dimensions:
            self._element(at)
            return
        self.tokens.expect("{")
        row = self.step * math.prod(dimensions[1:])
        places = iter(range(at, at + row * dimensions[0], row))
        for _ in self.tokens.separated(lambda: self._row(places, dimensions[1:]), "}"):
            pass

    def _row(self, places: Iterator[int], dimensions: tuple[int, ...]) -> None:
        for place in places:
            self._value(place, dimensions)
            return
        raise _Unexpected

    def _element(self, at: int) -> None:
        if self.tokens.word != "-" and not self.tokens.word[:1].isdigit():
            self._pointer(at)
            return
        number = _number(self.tokens).bits
        if self.tokens.accept("("):
            self._byte_of_pointer(at, number)
        else:
            self.data[at : at + self.step] = (number % (1 << 8 * self.step)).to_bytes(self.step, "little")

    def _byte_of_pointer(self, at: int, mask: int) -> None:
        """`0xFF(generic(other)), 0xFF00(generic(other)), ...` is a pointer in a packed structure, byte by byte."""
        self._pointer(at)
        self.tokens.expect(")")
        if mask != 0xFF:
            self.pointers.pop()

    def _pointer(self, at: int) -> None:
        generic = self.tokens.accept("generic")
        if generic:
            self.tokens.expect("(")
        name = self.tokens.take()
        if generic:
            self.tokens.expect(")")
        self.pointers.append((at, Symbol(name, _added(self.tokens)), generic))


def _number(tokens: _Tokens) -> Immediate:
    if tokens.word != "-":
        return _immediate(tokens.take())
    return Immediate(tokens.integer())


@cache
def _immediate(word: str) -> Immediate:
    """A number as PTX writes it: `7`, `0x1F`, `0f3F800000`, `0d3FF0000000000000`."""
    try:
        if word[:2] in ("0f", "0F", "0d", "0D"):
            return Immediate(int(word[2:], 16))
        return Immediate(int(word.rstrip("U"), 0))
    except ValueError:
        raise _Unexpected from None


def _added(tokens: _Tokens) -> int:
    """The bytes that `+8`, `+-8` or `-8` adds to what stands before it."""
    if tokens.accept("+") or tokens.word == "-":
        return tokens.integer()
    return 0


_Place = tuple[int, int, int]  # file, line, column


class _Lines:
    """Which line of the main file an instruction belongs to.

    Code that was inlined from another file belongs to the line of the main file that called it, however many calls
    lie between. A place that calls has always been read before what it calls.
    """

    def __init__(self, main: set[int]) -> None:
        self.main = main
        self.current = 0
        self._lines: dict[_Place, int] = {}

    def read(self, tokens: _Tokens) -> None:
        """`1 31 5`, or `2 3 3, function_name $L__info_string1, inlined_at 1 22 8`."""
        place, caller = self._place(tokens), None
        if tokens.accept(","):
            tokens.expect("function_name")
            tokens.take()
            tokens.expect(",")
            tokens.expect("inlined_at")
            caller = self._place(tokens)
        self.current = self._lines[place] = self._line(place, caller)

    def _line(self, place: _Place, caller: _Place | None) -> int:
        file, line, _ = place
        if file in self.main or caller is None:
            return line if file in self.main else 0
        return self._lines.get(caller) or self._line(caller, None)

    @staticmethod
    def _place(tokens: _Tokens) -> _Place:
        return tokens.integer(), tokens.integer(), tokens.integer()


class _BodyParser:
    """Statements between the braces of a function."""

    def __init__(self, tokens: _Tokens, function: Function, lines: _Lines) -> None:
        self.tokens = tokens
        self.function = function
        self.lines = lines
        self.scopes = 0
        self.suffix = ""  # of what the scope declares
        self.names: dict[str, Register | Symbol] = {}  # what the scope's names stand for, if not a symbol of the same name
        self.tables: dict[str, Vector] = {}

    def parse(self) -> None:
        while not self.tokens.accept("}"):
            begin = self.tokens.position
            try:
                self._statement(begin)
            except (_Unexpected, RecursionError):
                raise _not_supported(self.tokens, begin, self.lines.current) from None

    def _statement(self, begin: int) -> None:
        word = self.tokens.take()
        if word == "{":
            self._scope()
        elif word[0] == ".":
            self._directive(word)
        elif self.tokens.accept(":"):
            self._labelled(self._symbol(word).name)
        else:
            self._instruction(word, begin)

    def _scope(self) -> None:
        outer_names, outer_suffix = self.names, self.suffix
        self.scopes += 1
        self.names, self.suffix = dict(outer_names), f".{self.scopes}"
        for label in self._labels_ahead():
            self.names[label] = Symbol(label + self.suffix)
        self.parse()
        self.names, self.suffix = outer_names, outer_suffix

    def _labels_ahead(self) -> Iterator[str]:
        """The labels of the scope that begins here: a branch may come before them."""
        words, depth, k = self.tokens.words, 1, self.tokens.position
        while depth and words[k]:
            depth += (words[k] == "{") - (words[k] == "}")
            if depth == 1 and words[k] == ":":
                yield words[k - 1]
            k += 1

    def _directive(self, word: str) -> None:
        if word == ".loc":
            self.lines.read(self.tokens)
        elif word == ".reg":
            self._registers(self.tokens.take())
        elif word.startswith(".reg."):
            self._registers(word.removeprefix(".reg"))
        elif word in _SPACES:
            self._declare(word)
        elif word == ".pragma":
            _skip_list(self.tokens)
            self.tokens.expect(";")
        else:
            raise _Unexpected

    def _registers(self, type_: str) -> None:
        """`.reg .b32 %r<9>;` declares `%r0` to `%r8`. Headers also write `.reg.b32 f, C;`."""
        width = WIDTHS.get(type_[1:])
        if width is None:
            raise _Unexpected
        for names in self.tokens.separated(self._register_names, ";"):
            for name in names:
                register = Register(name + self.suffix)
                self.names[name] = register
                self.function.registers[register.name] = width

    def _register_names(self) -> list[str]:
        name = self.tokens.take()
        if not self.tokens.accept("<"):
            return [name]
        count = self.tokens.natural()
        if count > MOST_REGISTERS:
            raise _Unexpected
        self.tokens.expect(">")
        return [f"{name}{k}" for k in range(count)]

    def _declare(self, space: str) -> None:
        declared = _variable(self.tokens, space, external=False)
        name = declared.name + self.suffix
        if self.suffix:
            self.names[declared.name] = Symbol(name)
        self.function.variables[name] = Variable(declared.space, name, declared.size, declared.align, data=declared.data, pointers=declared.pointers)

    def _labelled(self, name: str) -> None:
        if self.tokens.accept(".callprototype"):
            self._prototype(name)
        elif self.tokens.accept(".branchtargets"):
            self.tables[name] = Vector(tuple(self.tokens.separated(self._operand, ";")))
        else:
            self.function.body.append(Label(name))

    def _prototype(self, name: str) -> None:
        results = _parameters(self.tokens) if self.tokens.word == "(" else ()
        self.tokens.expect("_")
        parameters = _parameters(self.tokens) if self.tokens.word == "(" else ()
        _performance_directives(self.tokens)
        self.tokens.expect(";")
        self.function.prototypes[name] = Prototype(name, parameters, results)

    def _instruction(self, word: str, begin: int) -> None:
        guard = None
        if word == "@":
            guard = self._predicate()
            word = self.tokens.take()
        if not word[:1].isalpha():
            raise _Unexpected
        operands = tuple(self.tokens.separated(self._operand, ";"))
        match word.partition(".")[0]:
            case "call":
                operands = _call_operands(operands)
            case "bra":
                _expect_form(operands, Symbol)
            case "brx":
                operands = self._table_operands(operands)
        self.function.body.append(Instruction(word, operands, guard, self.lines.current, self.tokens.text_since(begin)))

    def _predicate(self) -> Register | Negated:
        negated = self.tokens.accept("!")
        register = self.names.get(self.tokens.take())
        if not isinstance(register, Register):
            raise _Unexpected
        return Negated(register) if negated else register

    def _table_operands(self, given: tuple[Operand, ...]) -> tuple[Operand, ...]:
        _expect_form(given, Register, Symbol)
        index, table = given
        if not isinstance(table, Symbol) or table.name not in self.tables:
            raise _Unexpected
        return index, self.tables[table.name]

    def _operand(self) -> Operand:
        first = self._single()
        return Pair(first, self._single()) if self.tokens.accept("|") else first

    def _single(self) -> Operand:
        word = self.tokens.word
        named = self.names.get(word)
        if isinstance(named, Register):
            self.tokens.take()
            return named
        if word == "-" or word[:1].isdigit():
            return _number(self.tokens)
        if word == "!":
            return self._predicate()
        self.tokens.take()
        if word == "[":
            return self._address()
        if word in "{(":
            return Vector(tuple(self.tokens.separated(self._operand, "}" if word == "{" else ")")))
        if word == "_":
            return Sink()
        if word[0] == "%":
            return Register(word)
        if word in _CONSTANTS:
            return _CONSTANTS[word]
        return Symbol(self._symbol(word).name, _added(self.tokens))

    def _symbol(self, word: str) -> Symbol:
        if not (word[:1].isalpha() or word[:1] in ("$", "_")):
            raise _Unexpected
        named = self.names.get(word)
        return named if isinstance(named, Symbol) else Symbol(word)

    def _address(self) -> Address:
        base = self._single()
        if isinstance(base, Symbol):
            address = Address(Symbol(base.name), base.offset)
        elif isinstance(base, Register | Immediate):
            address = Address(base, _added(self.tokens))
        else:
            raise _Unexpected
        self.tokens.expect("]")
        return address


def _expect_form(operands: tuple[Operand, ...], *forms: type) -> None:
    if tuple(type(operand) for operand in operands) != forms:
        raise _Unexpected


def _call_operands(given: tuple[Operand, ...]) -> tuple[Operand, ...]:
    """`(results), callee, (arguments), prototype`, where everything but the callee may be absent."""
    if given and not isinstance(given[0], Vector):
        given = (Vector(()), *given)
    if len(given) == 2:
        given = (*given, Vector(()))
    if len(given) not in (3, 4) or not isinstance(given[2], Vector):
        raise _Unexpected
    return given
