"""A small reader of C, shared by the lint scripts and the amalgamation.

It splits a file into tokens with their lines, follows braces, and finds what stands at file scope: functions with
their extent, and the names that a file keeps to itself.  It does not expand macros: where #if and #else each open a
brace, only the first branch is counted.  Our style (clang-format, one declarator a line) is all it has to read.
"""

import re
from dataclasses import dataclass
from pathlib import Path

TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<comment>/\*.*?\*/|//[^\n]*)
      | (?P<string>(?:u8|[LuU])?"(?:\\.|[^"\\\n])*")
      | (?P<char>[LuU]?'(?:\\.|[^'\\\n])*')
      | (?P<name>[A-Za-z_]\w*)
      | (?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
      | (?P<op>->|\#\#|\.\.\.|[-+*/%&|^=!<>]=|<<=?|>>=?|&&|\|\||\+\+|--|.)
    """,
    re.VERBOSE | re.DOTALL,
)

KEYWORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if inline int long "
    "register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while "
    "_Alignas _Alignof _Atomic _Bool _Generic _Noreturn _Static_assert _Thread_local static_assert bool".split()
)


@dataclass
class Token:
    kind: str
    text: str
    line: int
    directive: bool  # part of a preprocessor line


@dataclass
class Function:
    name: str
    first_line: int
    last_line: int

    @property
    def line_count(self):
        return self.last_line - self.first_line + 1


def tokens(text):
    """Every token, spaces and comments included: joined they give the text again."""
    line = 1
    at_line_start = True
    directive = False
    for match in TOKEN.finditer(text):
        kind, body = match.lastgroup, match.group()
        if kind == "space":
            if directive and "\n" in re.sub(r"\\\n", "", body) and not _continued(text, match.start(), body):
                directive = False
            if "\n" in body:
                at_line_start = True
        elif kind == "op" and body == "#" and at_line_start:
            directive = True
        yield Token(kind, body, line, directive)
        if kind not in ("space", "comment"):
            at_line_start = False
        line += body.count("\n")


def _continued(text, start, body):
    """Is the only newline of this space the one behind a backslash?"""
    return body.count("\n") == 1 and start > 0 and text[start - 1] == "\\"


def code(text):
    """Tokens without spaces and comments."""
    return [token for token in tokens(text) if token.kind not in ("space", "comment")]


def _plain(text):
    """Code outside preprocessor lines, one branch of each conditional."""
    out, skip, line = [], [], None
    all_tokens = code(text)
    for i, token in enumerate(all_tokens):
        if token.directive:
            if token.text == "#" and token.line != line:
                line = token.line
                word = all_tokens[i + 1].text if i + 1 < len(all_tokens) else ""
                if word in ("if", "ifdef", "ifndef"):
                    skip.append(False)
                elif word in ("else", "elif") and skip:
                    skip[-1] = True
                elif word == "endif" and skip:
                    skip.pop()
            continue
        line = None
        if not any(skip):
            out.append(token)
    return out


def _external_c(plain, i):
    return i >= 2 and plain[i - 1].kind == "string" and plain[i - 2].text == "extern"


def functions(text):
    """The functions that a file defines."""
    found, plain = [], _plain(text)
    depth, start, ignored = 0, None, set()
    name, paren, body = None, 0, None
    for i, token in enumerate(plain):
        if depth == 0 and start is None:
            start = token
        if token.text == "(" and depth == 0:
            if paren == 0 and i and plain[i - 1].kind == "name":
                name = plain[i - 1].text
            paren += 1
        elif token.text == ")" and depth == 0:
            paren -= 1
        elif token.text == "{":
            if depth == 0 and _external_c(plain, i):
                ignored.add(depth)
                start = None
                continue
            if depth == 0 and plain[i - 1].text == ")" and name:
                body = (name, start)
            depth += 1
        elif token.text == "}":
            if depth == 0:
                start = None
                continue  # the end of extern "C"
            depth -= 1
            if depth == 0 and body:
                found.append(Function(body[0], body[1].line, token.line))
                body, start, name = None, None, None
        elif token.text == ";" and depth == 0 and paren == 0:
            start, name = None, None
    return found


def defined_macros(text):
    """Names that #define gives in a file."""
    return set(re.findall(r"^[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)", _without_comments(text), re.MULTILINE))


def _without_comments(text):
    return "".join(
        re.sub(r"[^\n]", " ", token.text) if token.kind == "comment" else token.text for token in tokens(text)
    )


def static_macros(text):
    """Macros that stand for `static` with or without more: #define INLINE static inline."""
    found = re.findall(r"^[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)[ \t][^\n]*\bstatic\b", _without_comments(text), re.MULTILINE)
    return set(found)


@dataclass
class FileScope:
    ordinary: set  # functions, objects, typedefs, enumerators, macros
    tags: set  # struct, union and enum tags that are defined or first named here


def file_scope(text, only_static, static_words=frozenset()):
    """The names at file scope.  only_static leaves out functions and objects with external linkage; static_words are
    macros of headers that mean static."""
    static_words = static_macros(text) | static_words | {"static", "typedef"}
    scope = FileScope(set(defined_macros(text)), set())
    plain = _plain(text)
    for i, token in enumerate(plain[:-2]):
        if token.text in ("struct", "union", "enum") and plain[i + 1].kind == "name" and plain[i + 2].text in "{;":
            scope.tags.add(plain[i + 1].text)
    for declaration in _declarations(plain):
        scope.ordinary |= _enumerators(declaration)
        words = set(_specifiers(declaration))
        if words & static_words or not only_static:
            name = _declared_name(declaration)
            if name:
                scope.ordinary.add(name)
    return scope


def _specifiers(declaration):
    """The words before a body or initialiser: a static table inside a function does not make it static."""
    for token in declaration:
        if token.text in ("{", "="):
            return
        yield token.text


def _declarations(plain):
    """Each declaration at file scope, with the tokens of bodies and initialisers."""
    depth, current = 0, []
    for i, token in enumerate(plain):
        if depth == 0 and token.text == "{" and _external_c(plain, i):
            current = []
            continue
        if depth == 0 and token.text == "}":
            current = []
            continue
        current.append(token)
        if token.text in "{([":
            depth += 1
        elif token.text in "})]":
            depth -= 1
            function_end = token.text == "}" and depth == 0 and _is_function(current)
            if function_end:
                yield current
                current = []
        elif token.text == ";" and depth == 0:
            yield current
            current = []
    if current:
        yield current


def _is_function(declaration):
    depth = 0
    for i, token in enumerate(declaration):
        if token.text == "{" and depth == 0:
            return i > 0 and declaration[i - 1].text == ")"
        depth += (token.text in "([{") - (token.text in ")]}")
    return False


def _enumerators(declaration):
    """Constants of an enum that the declaration defines; those that a macro makes are not seen."""
    names, i = set(), 0
    while i < len(declaration):
        if declaration[i].text == "enum":
            j = i + 1 + (i + 1 < len(declaration) and declaration[i + 1].kind == "name")
            if j < len(declaration) and declaration[j].text == "{":
                depth, expect = 1, True
                for token in declaration[j + 1 :]:
                    depth += (token.text in "({[") - (token.text in ")}]")
                    if depth == 0:
                        break
                    if expect and token.kind == "name":
                        names.add(token.text)
                    expect = depth == 1 and token.text == ","
        i += 1
    return names


def _declared_name(declaration):
    """The name that a declaration of one declarator gives."""
    if declaration[0].text in ("_Static_assert", "static_assert"):
        return None
    depth, last = 0, None
    for i, token in enumerate(declaration):
        if depth == 0 and token.text == "(":
            if i + 2 < len(declaration) and declaration[i + 1].text == "*" and declaration[i + 2].kind == "name":
                return declaration[i + 2].text  # (*name)(...)
            if last and last not in ("__attribute__", "_Alignas"):
                return last
        if depth == 0 and token.text in ("=", ";", "["):
            break
        depth += (token.text in "([{") - (token.text in ")]}")
        if depth == 0 and token.kind == "name" and token.text not in KEYWORDS:
            previous = declaration[i - 1].text if i else ""
            last = None if previous in ("struct", "union", "enum") else token.text
    return last


def sources(root, folders, suffixes=(".c", ".h")):
    """The C files of some folders, in order."""
    for folder in folders:
        for path in sorted((Path(root) / folder).rglob("*")):
            if path.suffix in suffixes and path.is_file():
                yield path
