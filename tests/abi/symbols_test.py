#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""What libenlace exports is what tests/abi/symbols pins: symbols_test.py BUILD VERSION COMPILER..."""

import pathlib
import re
import shutil
import sys

import tap

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(sys.argv[1])
VERSION = sys.argv[2]
COMPILER = sys.argv[3:]
SHARED = BUILD / 'libenlace.so'
STATIC = BUILD / 'libenlace.a'
# libc, by the names that glibc and musl give it, and the loader, which is a part of libc.
LIBC = re.compile(r'libc\.so(\.6)?|libc\.musl-.*|ld-(linux|musl).*')


def pinned():
    lines = (ROOT / 'tests/abi/symbols').read_text(encoding='utf-8').splitlines()
    return dict(line.split() for line in lines if line and not line.startswith('#'))


def exported():
    symbols = {}
    for line in tap.run(['nm', '-D', '--defined-only', SHARED]).splitlines():
        _value, kind, name = line.split()
        if kind != 'A':  # the version itself
            name, _at, version = name.partition('@@')
            symbols[name] = version
    return symbols


def undefined(folder, compiler, options, suffix):
    """The names that a program needs which uses every pinned function."""
    source, target = (pathlib.Path(folder) / name for name in ('all' + suffix, 'all.o'))
    table = ''.join(f'    reinterpret(&{name}),\n' for name in pinned())
    source.write_text('#include <enlace/enlace.h>\n'
                      'typedef void (*function)(void);\n'
                      '#define reinterpret(f) (function)f\n'
                      'extern function table[];\n'
                      f'function table[] = {{\n{table}}};\n', encoding='utf-8')
    tap.run([*compiler, *options, f'-I{ROOT / "include"}', '-c', '-o', target, source])
    return set(re.findall(r'U (\S+)', tap.run(['nm', target])))


def exports_are_pinned(_folder):
    there, wanted = exported(), pinned()
    assert there, 'nothing is exported'
    extra = {name: there[name] for name in there if wanted.get(name) != there[name]}
    gone = {name: wanted[name] for name in wanted if there.get(name) != wanted[name]}
    assert not extra and not gone, (f'exported, not in tests/abi/symbols: {extra}\n'
                                    f'in tests/abi/symbols, not exported: {gone}')


def exports_have_our_prefix(_folder):
    foreign = [name for name in exported() if not name.startswith('enl_')]
    assert not foreign, f'names without enl_: {foreign}'


def headers_declare_every_export(folder):
    # Macros in a header may hide a function; a call through the pinned name must still link.
    names = undefined(folder, COMPILER, ['-std=c11', '-fPIC'], '.c')
    missing = set(pinned()) - names
    assert not missing, f'not declared as functions of that name: {missing}'


def names_are_not_mangled_in_cpp(folder):
    cxx = shutil.which('c++') or shutil.which('g++') or shutil.which('clang++')
    if not cxx:
        raise tap.Skip('no C++ compiler')
    names = undefined(folder, [cxx], ['-std=c++17', '-fPIC'], '.cc')
    assert set(pinned()) <= names, f'C++ sees other names: {names - set(pinned())}'


def soname_has_major_version(_folder):
    text = tap.run(['readelf', '-d', SHARED])
    soname = re.findall(r'\(SONAME\).*\[(.*)\]', text)
    assert soname == ['libenlace.so.' + VERSION.split('.', maxsplit=1)[0]], soname


def library_needs_libc_alone(_folder):
    text = tap.run(['readelf', '-d', SHARED])
    needed = re.findall(r'\(NEEDED\).*\[(.*)\]', text)
    foreign = [name for name in needed if not LIBC.fullmatch(name)]
    assert needed and not foreign, f'needs {needed}'


def library_is_hardened(_folder):
    text = tap.run(['readelf', '-dlW', SHARED])
    assert 'NOW' in text and 'GNU_RELRO' in text, 'not linked with -z now -z relro'
    assert 'TEXTREL' not in text, 'has text relocations'
    stack = re.search(r'GNU_STACK.*', text)
    assert stack and 'RWE' not in stack.group(), 'wants an executable stack'


def archive_defines_exports_alone(_folder):
    lines = tap.run(['nm', '--defined-only', '--extern-only', STATIC]).splitlines()
    names = {line.split()[-1] for line in lines if len(line.split()) == 3}
    assert names == set(pinned()), (f'more than is pinned: {names - set(pinned())}; '
                                    f'less: {set(pinned()) - names}')


if __name__ == '__main__':
    tap.main([
        ('exported symbols are those that are pinned', exports_are_pinned),
        ('exported symbols start with enl_', exports_have_our_prefix),
        ('headers declare every exported symbol', headers_declare_every_export),
        ('names are not mangled in C++', names_are_not_mangled_in_cpp),
        ('the SONAME has the major version', soname_has_major_version),
        ('the library needs libc alone', library_needs_libc_alone),
        ('the library is hardened', library_is_hardened),
        ('the archive defines the exported symbols alone', archive_defines_exports_alone),
    ])
