#!/usr/bin/env python3
"""What our code does not say: lint_banned.py [ROOT].

- src/ calls no libc, has no floating point, no __int128, and names no clock.
- Elsewhere: calls that overrun or that keep hidden state.
- A state changes only in src/tcp/state.c.
- Warnings are mended, not silenced: no diagnostic pragma, no -Wno-..., no NOLINT or cppcheck-suppress without a reason.
- Code is finished: the words that mark it unfinished do not stand in it.
"""

import re
import sys
from pathlib import Path

import cscan

LIBC = frozenset(
    "malloc calloc realloc free alloca abort exit atexit system getenv qsort bsearch rand srand random srandom "
    "rand_r drand48 getrandom getentropy arc4random time clock clock_gettime gettimeofday nanosleep usleep sleep "
    "printf fprintf sprintf snprintf vprintf vfprintf vsprintf vsnprintf puts putchar fputs fputc fwrite fread fopen "
    "fclose fflush scanf sscanf perror strlen strcpy strncpy strcat strncat strcmp strncmp strchr strrchr strstr "
    "strtok strdup strtol strtoul strtoll strtoull strerror atoi atol memcpy memmove memset memcmp memchr bcopy bzero "
    "bcmp read write open close ioctl socket send recv sendto recvfrom select poll mmap munmap errno assert setjmp "
    "longjmp signal raise htons ntohs htonl ntohl isdigit isalpha isspace isxdigit tolower toupper abs labs".split()
)
CORE_WORDS = frozenset("float double __int128 __float128 _Complex _Thread_local __thread asm __asm__ volatile".split())
UNSAFE = frozenset(
    "gets strcpy strcat sprintf vsprintf strtok atoi atol atoll atof alloca rand srand random srandom tmpnam mktemp "
    "setjmp longjmp system popen asctime ctime gmtime localtime".split()
)
OURS = ["include", "src", "svc", "host", "sim", "view", "lab", "script", "app", "examples"]
STATE_FILE = Path("src/tcp/state.c")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|not implemented|stub|for now)\b")
# A suppression needs a reason on the line: NOLINT(check): reason, or cppcheck-suppress id ; reason.
REASONED_NOLINT = re.compile(r"NOLINT(?:NEXTLINE|BEGIN)?\([^)]+\):\s*\S+|NOLINTEND")
SILENCED = re.compile(r"pragma\s+(?:GCC|clang)\s+(?:diagnostic|system_header)|-Wno-|(?:^|\s)-w(?:\s|$)")


def check_core(place, code):
    for i, token in enumerate(code):
        if token.kind == "name" and token.text in CORE_WORDS:
            yield f"{place}:{token.line}: {token.text} has no place in src/"
        if token.kind == "name" and token.text in LIBC and called(code, i):
            yield f"{place}:{token.line}: {token.text} is libc; src/ is freestanding"


def called(code, i):
    """A call of the function itself: not a member or a declaration of that name."""
    follows = i + 1 < len(code) and code[i + 1].text == "("
    member = i > 0 and code[i - 1].text in (".", "->")
    return (follows or code[i].text == "errno") and not member


def check_state(place, code):
    if place == STATE_FILE:
        return
    for before, name, after in zip(code, code[1:], code[2:]):
        if before.text == "->" and name.text == "state" and after.text == "=":
            yield f"{place}:{name.line}: a state changes only in {STATE_FILE}"


def check_unsafe(place, code):
    for i, token in enumerate(code):
        if token.kind == "name" and token.text in UNSAFE and called(code, i):
            yield f"{place}:{token.line}: {token.text} overruns or keeps hidden state; use another call"


def check_text(place, text):
    for number, line in enumerate(text.splitlines(), 1):
        if "NOLINT" in line and not REASONED_NOLINT.search(line):
            yield f"{place}:{number}: NOLINT wants a check and a reason: NOLINT(check): why"
        if "cppcheck-suppress" in line and not re.search(r"cppcheck-suppress\s+\S+\s+;\s*\S+", line):
            yield f"{place}:{number}: cppcheck-suppress wants a reason: cppcheck-suppress id ; why"
        if SILENCED.search(line):
            yield f"{place}:{number}: a warning is mended, not silenced"
        match = UNFINISHED.search(line)
        if match:
            yield f"{place}:{number}: '{match.group()}' marks unfinished code"


def check(root):
    root = Path(root)
    faults = []
    for path in cscan.sources(root, OURS, (".c", ".h", ".def")):
        place = path.relative_to(root)
        text = path.read_text()
        code = cscan.code(text)
        faults.extend(check_text(place, text))
        if place.parts[0] == "src":
            faults.extend(check_core(place, code))
            faults.extend(check_state(place, code))
        else:
            faults.extend(check_unsafe(place, code))
    for path in [root / "CMakeLists.txt", *sorted((root / "cmake").glob("*")), root / "CMakePresets.json"]:
        if path.is_file():
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if re.search(r"-Wno-|(?:^|\s)-w(?:\s|$)|WARNING_AS_ERROR\s+OFF", line):
                    faults.append(f"{path.relative_to(root)}:{number}: a warning is mended, not silenced")
    return faults


if __name__ == "__main__":
    found = check(sys.argv[1] if len(sys.argv) > 1 else ".")
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)
