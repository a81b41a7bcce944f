#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The tests of processes once more, in other circumstances: modes_test.py FOLDER-OF-THE-PROGRAMS

As an ordinary user, as process 1 of a pid namespace, without what old kernels lack, and under valgrind.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / 'abi'))
import tap  # noqa: E402

PROGRAMS = pathlib.Path(sys.argv[1])
LIMIT_S = 600
ALL = ['campaign', 'child', 'disposition', 'exit', 'fork', 'run', 'signal', 'signal_wait', 'spawn', 'tie']
# Those of thousands of children take long, and show nothing else in another mode.
SHORT = {'child': ['wait', 'closed', 'child_that', 'tree', 'group', 'value', 'orphans', 'collects'],
         'tie': ['dies_with', 'relatives']}


def run(prefix, name, environment=None, patterns=None):
    """Runs one of the programs; every test of it must pass, or be skipped with its reason."""
    only = [f'--only={pattern}' for pattern in patterns or SHORT.get(name, [])]
    command = [*prefix, PROGRAMS / f'process_{name}_test', *only]
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT_S, check=False,
                          env={**os.environ, **(environment or {})})
    passed = len(re.findall(r'^ok (?!.*# SKIP)', done.stdout, re.M))
    if done.returncode != 0 or passed == 0 or re.search(r'^not ok', done.stdout, re.M):
        raise AssertionError(f'{" ".join(map(str, command))}: exit {done.returncode}\n{done.stdout}')
    return done.stdout


def possible(prefix, command=('true',)):
    """Whether this machine lets us do that at all."""
    try:
        return subprocess.run([*prefix, *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=60, check=False).returncode == 0
    except OSError:
        return False


def as_user(name):
    if os.geteuid() != 0:
        raise tap.Skip('these tests run as an ordinary user already')
    prefix = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
    if not possible(prefix, [str(PROGRAMS / f'process_{name}_test'), '--list']):
        raise tap.Skip('another user cannot run the programs of this folder')
    run(prefix, name, {'PATH': '/usr/local/bin:/usr/bin:/bin', 'HOME': '/'})


def as_first(name):
    user = [] if os.geteuid() == 0 else ['--user', '--map-root-user']
    prefix = ['unshare', *user, '--pid', '--fork', '--kill-child', '--mount-proc']
    if not possible(prefix):
        raise tap.Skip('no pid namespace may be made here')
    run(prefix, name)


def on_old_kernel(name):
    run([], name, {'TEST_OLD_KERNEL': '1'})


def under_valgrind(name):
    if shutil.which('valgrind') is None:
        raise tap.Skip('valgrind is not installed')
    if b'ld-musl' in (PROGRAMS / f'process_{name}_test').read_bytes()[:4096]:
        raise tap.Skip('valgrind replaces a part of the allocator of musl alone')
    prefix = ['valgrind', '-q', '--child-silent-after-fork=no', '--error-exitcode=99']
    if not possible(prefix):
        raise tap.Skip('valgrind cannot run programs here')
    listed = subprocess.run([*prefix, str(PROGRAMS / f'process_{name}_test'), '--list'], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT_S, check=False)
    if 'unhandled dwarf2' in listed.stdout:
        raise tap.Skip('valgrind does not know the debugging format of this compiler')
    scale = 10 * int(os.environ.get('TEST_TIME_SCALE', '1'))
    out = run(prefix, name, {'TEST_TIME_SCALE': str(scale)}, VALGRIND[name])
    if re.search(r'^==\d+== ', out, re.M):
        raise AssertionError(out)


# What valgrind 3.19 (Debian 12) can run: it does not know pidfd_open, which enl_fork needs, nor signals by pidfd, and it
# starts no /proc/self/exe.
VALGRIND = {'run': ['feeds', 'without_input', 'full_pipes', 'need_not_read', 'join_output', 'refused'],
            'signal_wait': ['sets', 'pending', 'takes_one', 'merge', 'thread'],
            'child': ['wait_never', 'collects_all', 'interrupted', 'closed'],
            'spawn': ['failure_of_exec', 'may_change_places', 'pipeline', 'refused']}
OLD = ['campaign', 'child', 'fork', 'run', 'spawn', 'tie', 'reuse']

MODES = [('ordinary_user', as_user, [*ALL, 'reuse']), ('process_1', as_first, ALL),
         ('old_kernel', on_old_kernel, OLD), ('valgrind', under_valgrind, VALGRIND)]

tap.main([(f'{mode}_{name}', lambda _folder, check=check, name=name: check(name))
          for mode, check, names in MODES for name in names])
