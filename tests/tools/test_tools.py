#!/usr/bin/env python3
"""The checks of tools/ find what they are for: each is given a small tree with one fault, and one without."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import attacks  # noqa: E402
import cscan  # noqa: E402
import lint_banned  # noqa: E402
import lint_layers  # noqa: E402
import lint_size  # noqa: E402
import requirements  # noqa: E402


class Tree(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name).resolve()

    def tearDown(self):
        self.folder.cleanup()

    def write(self, path, text):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def assertFault(self, check, text):
        self.assertTrue(any(text in fault for fault in check(self.root)), (text, check(self.root)))


class Attacks(Tree):
    LIST = "a | Part\n1 | a | Name | what | right\n2 | a | Other | what | right | not here: no\n"
    TEST = "/* attack: " + "1 */\nstatic void it_falls(void **state) {\n}\n"  # in two, so that it is no mark of this file

    def work(self, check=True):
        return attacks.work(str(self.root), check)

    def test_attack_without_test_or_reason_is_found(self):
        self.write("docs/attacks.txt", self.LIST)
        (self.root / "tests").mkdir()
        self.assertFault(lambda root: self.work(), "1 (Name) has neither a test nor a reason")

    def test_mark_of_no_attack_is_found(self):
        self.write("docs/attacks.txt", self.LIST)
        self.write("tests/unit/test_it.c", self.TEST)
        self.write("tests/interop/it.sh", "# attack: " + "7\n")
        self.assertFault(lambda root: self.work(), "tests/interop/it.sh: attack: there is no attack 7")

    def test_stale_page_is_found_and_a_fresh_one_passes(self):
        self.write("docs/attacks.txt", self.LIST)
        self.write("tests/unit/test_it.c", self.TEST)
        self.assertEqual(self.work(check=False), [])
        self.assertEqual(self.work(), [])
        page = (self.root / "docs/attacks.md").read_text()
        self.assertIn("[it falls](../tests/unit/test_it.c)", page)
        self.write("docs/attacks.txt", self.LIST.replace("Name", "Another"))
        self.assertFault(lambda root: self.work(), "docs/attacks.md is stale")

    def test_reason_must_be_one_of_the_known(self):
        self.write("docs/attacks.txt", self.LIST.replace("not here:", "because"))
        with self.assertRaises(SystemExit):
            self.work()


class Requirements(Tree):
    LIST = "# RFC 1, Title: the input of docs/rfc1.md.\nRFC1-2.1-a | MUST | it MUST\n"
    MARK = "// x/y: what\n// " + "req: "  # in two, so that it is no mark of this file
    TEST = "/* What it shows.\n * RFC1-2.1-a */\nstatic void it_does(void **state) {\n}\n"

    def work(self, check=True):
        return requirements.work(str(self.root), [], check)

    def test_sentence_without_test_or_reason_is_found(self):
        self.write("docs/requirements/rfc1.txt", self.LIST + "RFC1-2.1-b | SHOULD | it SHOULD\n")
        self.write("tests/unit/test_it.c", self.TEST)
        self.assertFault(lambda root: self.work(), "RFC1-2.1-b (s2.1, it SHOULD) has neither a test nor a reason")

    def test_mark_of_no_label_is_found(self):
        self.write("docs/requirements/rfc1.txt", self.LIST)
        self.write("tests/unit/test_it.c", self.TEST)
        self.write("tests/scripts/x/y.pkt", self.MARK + "RFC1-2.1-c\n")
        self.assertFault(lambda root: self.work(), "there is no requirement RFC1-2.1-c")

    def test_stale_page_is_found_and_a_fresh_one_passes(self):
        self.write("docs/requirements/rfc1.txt", self.LIST + "RFC1-3-a | MUST NOT | never | by design: so\n")
        self.write("tests/unit/test_it.c", self.TEST)
        self.assertEqual(self.work(check=False), [])
        self.assertEqual(self.work(), [])
        self.write("tests/scripts/x/y.pkt", self.MARK + "RFC1-2.1-a\n")
        self.assertFault(lambda root: self.work(), "docs/rfc1.md is stale")

    def test_label_used_twice_is_found(self):
        self.write("docs/requirements/rfc1.txt", self.LIST + self.LIST)
        with self.assertRaisesRegex(SystemExit, "more than once: RFC1-2.1-a"):
            self.work()

    def test_reason_of_no_kind_is_found(self):
        self.write("docs/requirements/rfc1.txt", self.LIST.replace("it MUST\n", "it MUST | because\n"))
        with self.assertRaisesRegex(SystemExit, "the reason begins with none of"):
            self.work()


class Layers(Tree):
    def test_include_of_a_higher_floor_is_found(self):
        self.write("src/tcp/ack.h", "")
        self.write("src/base/x.c", '#include "tcp/ack.h"\n')
        self.assertFault(lint_layers.check, "floor 5 is not below floor 1")

    def test_include_of_a_sibling_is_found(self):
        self.write("src/net/route.h", "")
        self.write("src/tcp/x.c", '#include "net/route.h"\n')
        self.assertFault(lint_layers.check, "floor 5 is not below floor 5")

    def test_libc_header_in_the_core_is_found(self):
        self.write("src/base/x.c", "#include <string.h>\n")
        self.assertFault(lint_layers.check, "freestanding")

    def test_core_seen_from_the_host_is_found(self):
        self.write("src/tcp/tcb.h", "")
        self.write("host/x.c", '#include "../src/tcp/tcb.h"\n')
        self.assertFault(lint_layers.check, "from floor 7 up")

    def test_system_call_header_in_the_simulator_is_found(self):
        self.write("sim/x.c", "#include <unistd.h>\n")
        self.assertFault(lint_layers.check, "makes no system calls")

    def test_lower_floors_pass(self):
        self.write("src/base/seq.h", "")
        self.write("include/aksu/aksu.h", "#include <stdint.h>\n")
        self.write("include/aksu/host.h", '#include "aksu.h"\n')
        self.write("view/ladder.h", "")
        self.write("src/tcp/x.c", '#include "aksu/aksu.h"\n#include "base/seq.h"\n')
        self.write("host/x.c", '#include "aksu/host.h"\n#include <unistd.h>\n')
        self.write("app/x.c", '#include "aksu/host.h"\n#include "view/ladder.h"\n')
        self.assertEqual(lint_layers.check(self.root), [])


class Banned(Tree):
    def test_each_is_found(self):
        for path, line, fault in [
            ("src/base/x.c", "void f(void) { memcpy(a, b, 1); }", "libc"),
            ("src/base/x.c", "float f;", "no place"),
            ("src/tcp/x.c", "void f(void) { t->state = 1; }", "a state changes only"),
            ("host/x.c", "void f(void) { strcpy(a, b); }", "overruns"),
            ("host/x.c", "int f(void); /* NOLINT */", "wants a check"),
            ("host/x.c", '#pragma GCC diagnostic ignored "-Wall"', "not silenced"),
            ("view/x.c", "/* " + "TO" + "DO: more */", "unfinished"),
            ("CMakeLists.txt", "add_compile_options(-Wno-error)", "not silenced"),
        ]:
            with self.subTest(line):
                self.write(path, line + "\n")
                self.assertFault(lint_banned.check, fault)
                (self.root / path).unlink()

    def test_words_in_comments_strings_and_members_pass(self):
        self.write("src/tcp/state.c", "void f(void) { t->state = 1; }\n")
        self.write("src/base/x.c", '/* no malloc() */ const char *a = "free(x)"; int b(void) { return c.send(1) + d->state == 1; }\n')
        self.assertEqual(lint_banned.check(self.root), [])


class Size(Tree):
    def test_long_function_is_found_and_limit_passes(self):
        def body(lines):
            return "int f(int a)\n{\n" + "    a++;\n" * (lines - 4) + "    return a;\n}\n"

        self.write("src/base/x.c", body(70))
        self.assertEqual(lint_size.check(self.root), [])
        self.write("src/base/x.c", "struct s {\n    int a;\n};\n" + body(71))
        self.assertFault(lint_size.check, "x.c:4: f has 71 lines")

    def test_long_file_is_found(self):
        self.write("view/x.c", "\n" * 801)
        self.assertFault(lint_size.check, "801 lines")


class Reader(unittest.TestCase):
    def test_functions_behind_macros_conditionals_and_extern_c_are_seen(self):
        text = (
            'extern "C" {\nint a(int x) { if (x) { return 1; } return 2; }\n}\n#define FOO(x) \\\n    { x\n'
            "#ifdef A\nint b(void) {\n#else\nint c(void) {\n#endif\n}\n"
            "static const struct t table[] = { { .x = 1 } };\n"
            "static inline __attribute__((noinline)) char *d(char c) { return \"{\"; }\n"
        )
        self.assertEqual([function.name for function in cscan.functions(text)], ["a", "b", "d"])

    def test_tokens_give_the_text_back(self):
        for path in (ROOT / "include/aksu").iterdir():
            text = path.read_text()
            self.assertEqual("".join(token.text for token in cscan.tokens(text)), text)


class Amalgamate(Tree):
    HEADER = '#ifndef P\n#define P\n#define AKSU_VERSION "1"\nstruct ops { int (*init)(void); };\n#endif\n'

    def build(self):
        self.write("LICENSE", "MIT\n")
        self.write("include/aksu/aksu.h", self.HEADER)
        self.write("include/aksu/trace.h", '#include "aksu.h"\nenum {\n#define E(x) x,\n#include "events.def"\n};\n')
        self.write("include/aksu/events.def", "E(ONE) /* the first */\n#undef E\n")
        return subprocess.run(
            [sys.executable, str(ROOT / "tools/amalgamate.py"), str(self.root), str(self.root / "out")],
            capture_output=True,
            text=True,
        )

    def module(self, name, number):
        self.write(f"src/base/{name}.h", f"#ifndef {name}_H\n#define {name}_H\n#include \"aksu/aksu.h\"\nextern const struct ops {name};\nint {name}_value(void);\n#endif\n")
        self.write(
            f"src/base/{name}.c",
            f'#include "base/{name}.h"\n#define LIMIT {number}\nstruct own {{ int init; }};\ntypedef struct own own_t;\nenum {{ FIRST = LIMIT }};\n'
            "#define INLINE static inline\nINLINE int same(void) { return 0; }\n"
            "static int init(void) { own_t o = { .init = FIRST }; return o.init + same(); }\n"
            f"int {name}_value(void) {{ static const int value = 0; return value; }}\n"
            f"const struct ops {name} = {{ .init = init }};\n",
        )

    def test_statics_types_and_macros_of_one_name_in_two_files_keep_their_meaning(self):
        self.module("one", 1)
        self.module("two", 2)
        result = self.build()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.write("out/main.c", '#include "aksu.h"\nextern const struct ops one, two;\nint one_value(void);\nint main(void) { return one.init() * 10 + two.init() + ONE + one_value(); }\n')
        subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "aksu.c", "main.c", "-o", "main"], cwd=self.root / "out", check=True)
        self.assertEqual(subprocess.run([self.root / "out/main"]).returncode, 12)

    def test_pasted_name_that_collides_is_an_error(self):
        self.write("src/base/a.c", "static int init_x;\nint *a(void);\nint *a(void) { return &init_x; }\n")
        self.write("src/base/b.c", "#define M(n) n##init_x\nstatic int init_x;\nint *b(void);\nint *b(void) { return &init_x; }\n")
        result = self.build()
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("rename it", result.stderr)


if __name__ == "__main__":
    unittest.main()
