#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""The order of src/LAYERS holds, and scripts/check-layers rejects each way to break it."""

import pathlib
import subprocess
import sys

import tap

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CHECK = ROOT / 'scripts/check-layers'

GOOD = {
    'include/enlace/link.h': '#include <enlace/base.h>\n#include <stdint.h>\n',
    'include/enlace/base.h': '#include <stddef.h>\n',
    'src/base/address.h': '#include <stdbool.h>\n',
    'src/base/address.c': '#include "base/address.h"\n#include "address.h"\n#include <string.h>\n',
    'src/base/address_test.c': '#include "base/address.h"\n#include "runner/test.h"\n#include <poll.h>\n',
    'src/kernel/socket.h': '#include <sys/socket.h>\n#include <enlace/link.h>\n',
    'src/link/unix.c': '#include "kernel/socket.h"\n#include "base/address.h"\n#include <errno.h>\n',
    'tool/main.c': '#include "show.h"\n#include <enlace/link.h>\n#include <poll.h>\n',
    'tool/show.h': '#include "probe/machine.h"\n',
    'bench/stat_test.c': '#include "stat.h"\n#include "runner/test.h"\n',
    'bench/stat.h': '#include <stdint.h>\n',
    'tool/probe/machine.h': '#include <linux/unix_diag.h>\n',
}

# name of the check: file, its text, what the report must say
BAD = {
    'a layer may not include one above it':
        ('src/base/address.c', '#include "link/unix.h"\n', 'below link/'),
    'an include in angle brackets is seen as well':
        ('src/kernel/socket.c', '#include <stdio.h>\n  #  include <link/unix.h>\n', 'below link/'),
    'a test obeys the order too':
        ('src/base/address_test.c', '#include "kernel/socket.h"\n', 'below kernel/'),
    'nobody climbs out of a folder':
        ('src/base/address.c', '#include "../link/unix.h"\n', 'climbs'),
    'the tool may not include a layer':
        ('tool/main.c', '#include "link/unix.h"\n', 'own folder'),
    'the tool may not include src':
        ('tool/main.c', '#include <src/link/unix.h>\n', 'inside the library'),
    'the tool may not reach up and over':
        ('tool/main.c', '#include "../src/link/unix.h"\n', 'climbs'),
    'bench is above the line too':
        ('bench/main.c', '#include "kernel/socket.h"\n', 'own folder'),
    'only a proof may include the runner':
        ('tool/main.c', '#include "runner/test.h"\n', 'own folder'),
    'a public header may not include a layer':
        ('include/enlace/link.h', '#include "base/address.h"\n', 'public header'),
    'only kernel may include what calls the kernel':
        ('src/link/unix.c', '#include <sys/socket.h>\n', 'kernel/ alone'),
    'base may not call the kernel either':
        ('src/base/address.c', '#include <unistd.h>\n', 'kernel/ alone'),
    'a call of the kernel is seen behind a pure header':
        ('src/base/address.c', '#include <time.h>\nint f(void)\n{\n    return clock_gettime(0, 0);\n}\n',
         'calls the kernel'),
    'the library never ends its caller':
        ('src/kernel/socket.c', 'void f(void)\n{\n    exit(1);\n}\n', 'for nobody'),
    'kernel headers are not on every system':
        ('src/kernel/socket.c', '#include <linux/futex.h>\n', 'not on every system'),
    'a header of no layer is not found by luck':
        ('src/base/address.c', '#include "socket.h"\n', 'name its layer'),
    'a folder must be named in LAYERS':
        ('src/misc/x.c', '\n', 'does not name this folder'),
    'a source belongs into a layer':
        ('src/x.c', '\n', 'belongs into a layer'),
}


def build(folder, files, rules=''):
    root = pathlib.Path(folder)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding='utf-8')
    layers = (ROOT / 'src/LAYERS').read_text(encoding='utf-8')
    kept = [line for line in layers.splitlines() if not line.startswith('allow')]
    (root / 'src/LAYERS').write_text('\n'.join(kept) + '\n' + rules, encoding='utf-8')
    done = subprocess.run([CHECK, root], stdout=subprocess.PIPE, text=True, timeout=300, check=False)
    return done.returncode, done.stdout


def tree_keeps_its_layers(_folder):
    tap.run([CHECK, ROOT])


def good_tree_is_accepted(folder):
    result = build(folder, GOOD)
    assert result == (0, ''), result


def comments_and_texts_are_not_code(folder):
    files = {**GOOD, 'src/base/address.c': '/*\n#include "link/unix.h"\n exit(1) */\n'
                                           'const char *s = "exit(1)";\n'}
    result = build(folder, files)
    assert result == (0, ''), result


def report_names_file_and_line(folder):
    code, text = build(folder, {**GOOD, 'src/base/address.c': '\n/* a\n b */\n#include "link/x.h"\n'})
    assert code == 1 and text.startswith('src/base/address.c:4: '), text


def allowed_exception_is_accepted(folder):
    files = {**GOOD, 'src/link/unix.c': '#include <sys/socket.h>\n'}
    result = build(folder, files, 'allow link/unix.c <sys/socket.h>\n')
    assert result == (0, ''), result


def exception_that_nobody_needs_is_rejected(folder):
    code, text = build(folder, GOOD, 'allow link/unix.c <sys/socket.h>\n')
    assert code == 1 and 'not needed' in text, text


def rejected(file, text, why):
    def check(folder):
        code, report = build(folder, {**GOOD, file: text})
        lines = report.splitlines()
        assert code == 1 and len(lines) == 1, report
        assert lines[0].startswith(file.rsplit('/', 1)[0]) and why in lines[0], report
    return check


if __name__ == '__main__':
    tap.main([
        ('the tree keeps its layers', tree_keeps_its_layers),
        ('a good tree is accepted', good_tree_is_accepted),
        ('comments and texts are not code', comments_and_texts_are_not_code),
        ('a report names file and line', report_names_file_and_line),
        ('an exception with a reason is accepted', allowed_exception_is_accepted),
        ('an exception that nobody needs is rejected', exception_that_nobody_needs_is_rejected),
        *((name, rejected(*case)) for name, case in BAD.items()),
    ])
