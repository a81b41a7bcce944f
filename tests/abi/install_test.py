#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""What `meson install` leaves can be used: install_test.py SOURCE BUILD VERSION MESON COMPILER..."""

import os
import pathlib
import re
import subprocess
import sys

import tap

SOURCE, BUILD = map(pathlib.Path, sys.argv[1:3])
VERSION, MESON = sys.argv[3:5]
COMPILER = sys.argv[5:]

PROGRAM = """
#include <enlace/enlace.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    printf("%s\\n", enl_version());
    return strcmp(enl_version(), ENL_VERSION) != 0;
}
"""


class Installed:
    """A tree below DESTDIR, and what pkg-config says about it."""

    def __init__(self, folder):
        self.root = pathlib.Path(folder) / 'root'
        tap.run([MESON, 'install', '-C', BUILD, '--no-rebuild', '--destdir', self.root])
        self.pc = self.find('enlace.pc')
        self.env = {**os.environ, 'PKG_CONFIG_LIBDIR': str(self.pc.parent), 'PKG_CONFIG_PATH': '',
                    'PKG_CONFIG_SYSROOT_DIR': str(self.root)}

    def find(self, name):
        found = [path for path in self.root.rglob(name) if not path.is_dir()]
        assert len(found) == 1, f'{name} is installed {len(found)} times'
        return found[0]

    def pkg_config(self, *options):
        return tap.run(['pkg-config', *options, 'enlace'], env=self.env).split()

    def build(self, folder, *libs):
        source, program = (pathlib.Path(folder) / name for name in ('program.c', 'program'))
        source.write_text(PROGRAM, encoding='utf-8')
        tap.run([*COMPILER, '-std=c11', '-Wall', '-Werror', *self.pkg_config('--cflags'), '-o',
                 program, source, *libs])
        return program


def shared_library_is_found_and_runs(folder):
    tree = Installed(folder)
    program = tree.build(folder, *tree.pkg_config('--libs'))
    env = {**os.environ, 'LD_LIBRARY_PATH': str(tree.find('libenlace.so').parent)}
    assert tap.run([program], env=env) == VERSION + '\n'
    assert 'libenlace.so.' in tap.run(['readelf', '-d', program])


def static_library_is_found_and_runs(folder):
    tree = Installed(folder)
    libs = [word.replace('-lenlace', '-l:libenlace.a')
            for word in tree.pkg_config('--static', '--libs')]
    program = tree.build(folder, *libs)
    assert tap.run([program]) == VERSION + '\n'
    assert 'libenlace.so.' not in tap.run(['readelf', '-d', program])


def pkg_config_knows_the_version(folder):
    assert Installed(folder).pkg_config('--modversion') == [VERSION]


def header_states_the_version(_folder):
    text = (SOURCE / 'include/enlace/version.h').read_text(encoding='utf-8')
    parts = [re.search(rf'define ENL_VERSION_{part} (\d+)', text).group(1)
             for part in ('MAJOR', 'MINOR', 'PATCH')]
    assert '.'.join(parts) == VERSION, f'version.h: {parts}, meson.build: {VERSION}'
    assert f'#define ENL_VERSION "{VERSION}"' in text, 'ENL_VERSION'


def debian_package_has_the_version(_folder):
    first = (SOURCE / 'debian/changelog').read_text(encoding='utf-8').splitlines()[0]
    assert re.fullmatch(rf'enlace \({re.escape(VERSION)}\) .*', first), first


def headers_are_those_of_the_source(folder):
    tree = Installed(folder)
    there = {path.name for path in (tree.find('version.h').parent).glob('*')}
    wanted = {path.name for path in (SOURCE / 'include/enlace').glob('*.h')}
    assert there == wanted, there ^ wanted


def command_is_installed_whole(folder):
    if not (BUILD / 'enlace').exists():
        raise tap.Skip('this build has no command: libsmartcols or jansson is missing')
    tree = Installed(folder)
    command = next(path for path in tree.root.rglob('enlace')
                   if path.parent.name == 'bin' and path.is_file())
    env = {**os.environ, 'LD_LIBRARY_PATH': str(tree.find('libenlace.so').parent)}
    assert VERSION in tap.run([command, '--version'], env=env)
    # A build tree that is gone must not be needed: no path of it may stay in the program.
    assert str(BUILD) not in tap.run(['readelf', '-d', command])


def manual_pages_are_installed(folder):
    tree = Installed(folder)
    texts = {path.name: path.read_text(encoding='utf-8') for path in tree.root.glob('**/man/man*/*')}
    aliases = {name: re.search(r'^\.so man./(\S+)$', text, re.M) for name, text in texts.items()}
    pages = {name for name, alias in aliases.items() if alias is None}
    wanted = {path.stem for path in (SOURCE / 'man').glob('*.scd')}
    if not (BUILD / 'man').is_dir() or not list((BUILD / 'man').glob('*.[1-8]')):
        raise tap.Skip('this build has no manual: scdoc is missing')
    assert pages == wanted, f'only in man/: {wanted - pages}, only installed: {pages - wanted}'
    astray = {name for name, alias in aliases.items() if alias and alias[1] not in pages}
    assert not astray, f'names of no page: {astray}'


def completion_is_installed_and_parses(folder):
    path = next(iter(Installed(folder).root.rglob('bash-completion/completions/enlace')), None)
    assert path, 'no completion is installed'
    done = subprocess.run(['bash', '-n', path], timeout=60, check=False)
    assert done.returncode == 0


if __name__ == '__main__':
    tap.main([
        ('a program finds the shared library by pkg-config', shared_library_is_found_and_runs),
        ('a program finds the static library by pkg-config', static_library_is_found_and_runs),
        ('pkg-config knows the version', pkg_config_knows_the_version),
        ('version.h states the version', header_states_the_version),
        ('the Debian package has the version', debian_package_has_the_version),
        ('the installed headers are those of the source', headers_are_those_of_the_source),
        ('the command is installed whole', command_is_installed_whole),
        ('the manual pages are installed', manual_pages_are_installed),
        ('the completion is installed and parses', completion_is_installed_and_parses),
    ])
