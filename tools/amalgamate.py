#!/usr/bin/env python3
"""Makes the core one file: amalgamate.py ROOT OUT writes OUT/aksu.c and OUT/aksu.h.

aksu.h is include/aksu/aksu.h with its parts where it includes them, then trace.h with events.def put in wherever it is
included.  aksu.c is every header of src/ in the order in which they include each other, then every .c, floor by floor.

Names that a .c keeps to itself (static, its types and tags, its macros) may stand in several files.  One translation
unit is not enough for all of them, so such a name is rewritten to name__file where it collides with another file's or
with a header's; a macro of a .c is undefined at the end of its part.  Members keep their names: what follows '.' or
'->' and what a struct body declares is left alone.  A colliding name that a macro makes with # or ## cannot be followed;
that is reported as an error, and the name has to change.
"""

import re
import sys
from collections import Counter
from pathlib import Path

import cscan
from lint_layers import FLOORS

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">].*$')


class Error(Exception):
    pass


class Amalgamation:
    def __init__(self, root):
        self.root = Path(root).resolve()
        self.done = set()  # guarded headers that are written
        self.system = []  # <headers>, in order

    def resolve(self, name, source):
        for folder in (source.parent, self.root / "src", self.root / "include"):
            path = (folder / name).resolve()
            if path.is_file():
                return path
        raise Error(f"{source}: no file for #include \"{name}\"")

    def is_public(self, path):
        return path.parent == self.root / "include" / "aksu" and path.suffix == ".h"

    def expand(self, path, hoist):
        """The text of a file with its includes put in.  hoist: a guarded header is left out, it stands further up."""
        lines, depth = [], 0
        guarded = guard_of(path)
        for number, line in enumerate(path.read_text().splitlines(), 1):
            word = re.match(r"^[ \t]*#[ \t]*(\w+)", line)
            if word and word.group(1) in ("if", "ifdef", "ifndef"):
                depth += 1
            elif word and word.group(1) == "endif":
                depth -= 1
            match = INCLUDE.match(line)
            if not match:
                lines.append(line)
                continue
            if depth > (1 if guarded else 0):
                raise Error(f"{path}:{number}: an #include inside #if cannot be moved")
            lines.extend(self.included(path, match, hoist))
        return lines

    def included(self, path, match, hoist):
        if match.group(1) == "<":
            if match.group(2) not in self.system:
                self.system.append(match.group(2))
            return []
        target = self.resolve(match.group(2), path)
        if self.is_public(target):
            return []
        if guard_of(target) is None:
            return self.expand(target, hoist)
        if hoist:
            if target not in self.done:
                raise Error(f"{path}: {target} should stand further up")
            return []
        return self.header(target)

    def header(self, path):
        if path in self.done:
            return []
        self.done.add(path)
        body = self.expand(path, hoist=False)
        return [f"/* ======== {path.relative_to(self.root)} */", *body, ""]


def guard_of(path):
    """The include guard's name, or None for a file that may be included many times."""
    match = re.search(r"^#ifndef (\w+)\n#define (\w+)\b", path.read_text(), re.MULTILINE)
    return match.group(1) if match and match.group(1) == match.group(2) else None


def public_header(root):
    """The core's public headers as one."""
    include = root / "include" / "aksu"
    definitions = (include / "events.def").read_text()
    bare = re.sub(r"/\*.*?\*/", "", definitions, flags=re.DOTALL)
    bare = "\n".join(line.rstrip() for line in bare.splitlines() if line.strip())
    text = (include / "aksu.h").read_text()
    parts = re.findall(r'^#include "([^"]+)"', text, re.MULTILINE)
    headers = ["aksu.h", *parts, "trace.h"]
    out, times = [], 0

    def put(name):
        nonlocal times
        for line in (include / name).read_text().rstrip("\n").splitlines():
            match = INCLUDE.match(line)
            if match and match.group(2) == "events.def":
                out.extend((definitions if times == 0 else bare).rstrip("\n").splitlines())
                times += 1
            elif match and name == "aksu.h" and match.group(2) in parts:
                put(match.group(2))
            elif not match or match.group(2) not in headers:
                out.append(line)
        out.append("")

    put("aksu.h")
    put("trace.h")
    if times == 0:
        raise Error("include/aksu/trace.h does not include events.def")
    return out


def member_positions(all_tokens):
    """Indexes of names that are members: after . or ->, or declared in a struct or union body."""
    members, bodies = set(), []  # bodies: for each open brace, is it a struct or union body
    solid = [i for i, token in enumerate(all_tokens) if token.kind not in ("space", "comment")]
    for at, i in enumerate(solid):
        token = all_tokens[i]
        before = [all_tokens[j].text for j in solid[max(0, at - 2) : at]]
        after = all_tokens[solid[at + 1]].text if at + 1 < len(solid) else ""
        if token.text == "{":
            bodies.append(any(word in ("struct", "union") for word in before))
        elif token.text == "}" and bodies:
            bodies.pop()
        elif token.kind == "name":
            previous = before[-1] if before else ""
            if previous in (".", "->"):
                members.add(i)
            elif bodies and bodies[-1] and after in (";", ",", "[", ":", ")") and previous != "[":
                members.add(i)
    return members


def rename(text, names, tags, suffix, where):
    """The text with the names and tags that collide given a suffix."""
    all_tokens = list(cscan.tokens(text))
    members = member_positions(all_tokens)
    solid = [i for i, token in enumerate(all_tokens) if token.kind not in ("space", "comment")]
    previous_of = dict(zip(solid[1:], solid))
    next_of = dict(zip(solid, solid[1:]))
    for i in solid:
        token = all_tokens[i]
        if token.kind != "name" or i in members:
            continue
        previous = all_tokens[previous_of[i]].text if i in previous_of else ""
        following = all_tokens[next_of[i]].text if i in next_of else ""
        is_tag = previous in ("struct", "union", "enum")
        if token.text not in (tags if is_tag else names):
            continue
        if "##" in (previous, following) or (previous == "#" and token.directive and following != "("):
            if previous != "#" or all_tokens[previous_of[i]].line == token.line:
                raise Error(f"{where}:{token.line}: {token.text} stands in other files too and is pasted; rename it")
        token.text += suffix
    return "".join(token.text for token in all_tokens)


def parts(root):
    """Every .c of src/, floor by floor."""
    found = [path for path in (root / "src").rglob("*.c")]
    return sorted(found, key=lambda path: (FLOORS.get(path.relative_to(root).parts[:2], 99), str(path)))


def implementation(root):
    job = Amalgamation(root)
    files = parts(root)
    headers = []
    for path in files:
        for line in path.read_text().splitlines():
            match = INCLUDE.match(line)
            if match and match.group(1) == '"':
                target = job.resolve(match.group(2), path)
                if not job.is_public(target) and guard_of(target) is not None:
                    headers.extend(job.header(target))
    bodies = {path: "\n".join(job.expand(path, hoist=True)) + "\n" for path in files}
    header_text = "\n".join(headers + public_header(root))
    static_words = cscan.static_macros(header_text)
    scopes = {path: cscan.file_scope(body, only_static=True, static_words=static_words) for path, body in bodies.items()}
    taken = cscan.file_scope(header_text, only_static=False)
    names = Counter(name for scope in scopes.values() for name in scope.ordinary)
    tags = Counter(tag for scope in scopes.values() for tag in scope.tags)
    names.update(taken.ordinary)
    tags.update(taken.tags)
    out = headers
    for path in files:
        scope = scopes[path]
        # A static that its own header declares is the same thing, not a collision: only .c against .c and others.
        colliding = {name for name in scope.ordinary if names[name] > 1}
        colliding_tags = {tag for tag in scope.tags if tags[tag] > 1 and tag not in taken.tags}
        place = path.relative_to(root)
        suffix = "__" + "_".join(place.with_suffix("").parts[1:])
        body = rename(bodies[path], colliding, colliding_tags, suffix, place)
        out.append(f"/* ======== {place} */")
        out.extend(body.rstrip("\n").splitlines())
        for macro in sorted(cscan.defined_macros(body)):
            out.append(f"#undef {macro}")
        out.append("")
    return job.system, out


def version(root):
    return re.search(r'AKSU_VERSION\s+"([^"]+)"', (root / "include/aksu/aksu.h").read_text()).group(1)


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: amalgamate.py ROOT OUT")
    root, out = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    head = f"/* aksu {version(root)} as two files, aksu.c and aksu.h; made by tools/amalgamate.py.\n *\n"
    licence = (root / "LICENSE").read_text().rstrip("\n").splitlines()
    head += "\n".join((" * " + line).rstrip() for line in licence) + " */\n"
    try:
        system, body = implementation(root)
        header = public_header(root)
    except Error as error:
        sys.exit(f"amalgamate.py: {error}")
    system_lines = "".join(f"#include <{name}>\n" for name in sorted(system))
    quiet = (
        "#if defined(__clang__)\n/* Helpers of headers that no part uses: clang names them in a main file. */\n"
        '#pragma clang diagnostic ignored "-Wunused-function"\n#endif\n'
    )
    out.mkdir(parents=True, exist_ok=True)
    (out / "aksu.h").write_text(head + "\n".join(header) + "\n")
    (out / "aksu.c").write_text(head + '#include "aksu.h"\n\n' + system_lines + "\n" + quiet + "\n" + "\n".join(body) + "\n")


if __name__ == "__main__":
    main()
