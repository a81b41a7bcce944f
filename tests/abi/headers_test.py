#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Each public header compiles alone, in C and in C++: headers_test.py COMPILER..."""

import pathlib
import re
import shutil
import sys

import tap

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HEADERS = sorted((ROOT / 'include/enlace').glob('*.h'))
COMPILER = sys.argv[1:]
STRICT = ['-pedantic', '-pedantic-errors', '-Wall', '-Wextra', '-Werror', '-fsyntax-only',
          f'-I{ROOT / "include"}']


def compile_as(compiler, language, folder, text):
    source = pathlib.Path(folder) / 'source'
    source.write_text(text, encoding='utf-8')
    extra = ['-Wstrict-prototypes', '-Wmissing-prototypes'] if language.startswith('c1') else []
    name = 'c' if language.startswith('c1') else 'c++'
    return tap.run([*compiler, f'-std={language}', *STRICT, *extra, '-x', name, source])


def alone(header, language):
    def check(folder):
        # Twice, so that a missing guard shows as well.
        text = f'#include <enlace/{header.name}>\n' * 2
        if language.startswith('c1'):
            return compile_as(COMPILER, language, folder, text + 'int main(void) { return 0; }\n')
        return compile_as([cxx()], language, folder, text + 'int main() { return 0; }\n')
    return check


def cxx():
    found = shutil.which('c++') or shutil.which('g++') or shutil.which('clang++')
    if not found:
        raise tap.Skip('no C++ compiler')
    return found


def in_reverse_order(folder):
    text = ''.join(f'#include <enlace/{header.name}>\n' for header in reversed(HEADERS))
    compile_as(COMPILER, 'c11', folder, text + 'int main(void) { return 0; }\n')


def build_lists_every_header(_folder):
    text = (ROOT / 'include/enlace/meson.build').read_text(encoding='utf-8')
    listed = set(re.findall(r"'([^']+\.h)'", text))
    there = {header.name for header in HEADERS}
    assert listed == there, f'not listed: {there - listed}; listed, but not there: {listed - there}'


def umbrella_includes_every_header(_folder):
    text = (ROOT / 'include/enlace/enlace.h').read_text(encoding='utf-8')
    # export.h is what the others need to declare themselves, no part of the API.
    expected = {header.name for header in HEADERS} - {'enlace.h', 'export.h'}
    missing = {name for name in expected if f'#include <enlace/{name}>' not in text}
    assert not missing, f'enlace.h does not include {missing}'


if __name__ == '__main__':
    if not HEADERS:
        sys.exit('no public headers found')
    tap.main([
        *((f'{header.name} compiles alone as {language}', alone(header, language))
          for header in HEADERS for language in ('c11', 'c17', 'c++17')),
        ('headers compile in reverse order', in_reverse_order),
        ('the build installs every header', build_lists_every_header),
        ('enlace.h includes every header', umbrella_includes_every_header),
    ])
