#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Builds that share no more than a machine exchange messages, and so do processes that live apart:
neighbours_test.py NEIGHBOUR MATRIX-FOLDER

Each check starts one `neighbour serve` and one `neighbour call`, which compare every byte. Builds of other widths and C
libraries are looked for below MATRIX-FOLDER; $ENLACE_NEIGHBOURS names programs that must be there instead."""

import contextlib
import errno
import os
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / 'abi'))
import tap  # noqa: E402  (the same printer of TAP serves all scripts)

LIMIT_S = 300 * int(os.environ.get('TEST_TIME_SCALE', '1'))
ROUNDS = '600'
NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
ADDRESS = 'channel:{}?message=20000&depth=4&fds=1{}'

own = pathlib.Path(sys.argv[1])
matrix = pathlib.Path(sys.argv[2])


def others():
    """{name: program} of the foreign builds."""
    named = os.environ.get('ENLACE_NEIGHBOURS')
    if named is not None:
        programs = [pathlib.Path(name) for name in named.split(':') if name]
        return {program.parents[2].name: program for program in programs}
    programs = {name: matrix / name / 'tests/neighbours/neighbour' for name in ('musl', 'i686')}
    return {name: program for name, program in programs.items()
            if program.exists() and not program.samefile(own)}


@contextlib.contextmanager
def started(words):
    child = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.communicate()


def finish(child, wanted):
    out, err = child.communicate(timeout=LIMIT_S)
    assert child.returncode == 0, f'{child.args}: status {child.returncode}: {out}{err}'
    assert out.split()[-1:] == wanted, f'{child.args} said {out!r}, not {wanted}; {err}'


def exchange(folder, server, caller, options='', dies=False, before_server=(), before_caller=()):
    """A server, a caller, and what runs them; the server tells the end."""
    os.chmod(folder, 0o755)
    address = ADDRESS.format(pathlib.Path(folder) / 'meeting', options)
    with started([*before_server, server, 'serve', address, ROUNDS]) as serving:
        ready = serving.stdout.readline()
        if ready != 'ready\n':
            raise AssertionError(f'{serving.args}: {ready}{serving.communicate(timeout=LIMIT_S)[1]}')
        with started([*before_caller, caller, 'call', address, ROUNDS,
                      *(['die'] if dies else [])]) as calling:
            _, err = calling.communicate(timeout=LIMIT_S)
            # a shell or unshare that waited for a killed child says 137
            good = (-9, 137) if dies else (0,)
            assert calling.returncode in good, f'{calling.args}: {calling.returncode}: {err}'
            finish(serving, ['died' if dies else 'closed'])


def runs(words):
    """Whether this machine and user may do so."""
    try:
        return subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, timeout=LIMIT_S,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              check=False).returncode == 0
    except FileNotFoundError:
        return False


# ---- builds ------------------------------------------------------------------------------------------------


def with_itself(folder):
    exchange(folder, own, own)
    exchange(folder, own, own, dies=True)


def in_every_pairing(folder):
    programs = {'own': own, **others()}
    if len(programs) == 1:
        raise tap.Skip('no build for another machine or C library is there (scripts/matrix musl i686)')
    pairs = [(a, b) for a in programs for b in programs if a != b]
    for server, caller in pairs:
        print(f'# {server} serves {caller}', flush=True)
        exchange(folder, programs[server], programs[caller])
        exchange(folder, programs[server], programs[caller], dies=True)


def share(folder, programs, deaths=0):
    """All at once in one region; each says what it found at the end."""
    words = ['share', f'file:{pathlib.Path(folder) / "locks"}?size=64k', ROUNDS, str(len(programs)), str(deaths)]
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(started([program, *words, *(['die'] if number < deaths else [])]))
                   for number, program in enumerate(programs)]
        for number, child in enumerate(running):
            out, err = child.communicate(timeout=LIMIT_S)
            assert child.returncode == (-9 if number < deaths else 0), f'{child.args}: {child.returncode}: {err}'
            count = int(ROUNDS) * (len(programs) - deaths)
            wanted = f'{count} of {ROUNDS}, made 1, deaths {deaths}\n' if number >= deaths else ''
            assert out == wanted, f'{child.args}: {out!r}, not {wanted!r}'
    os.unlink(pathlib.Path(folder) / 'locks')


def share_locks(folder):
    share(folder, [own] * 3)
    share(folder, [own] * 3, deaths=1)


def of_other_widths_share_locks(folder):
    programs = list(others().values())
    if not programs:
        raise tap.Skip('no build for another machine or C library is there (scripts/matrix musl i686)')
    share(folder, [own, *programs])
    for number in range(len(programs)):
        share(folder, [programs[number], own, *programs[:number], *programs[number + 1:]], deaths=1)


# ---- processes that live apart --------------------------------------------------------------------------


def of_two_users(folder):
    if os.geteuid() != 0 or not runs([*NOBODY, own, 'call']) and not runs([*NOBODY, 'test', '-x', own]):
        raise tap.Skip('only root can be two users')
    for dies in (False, True):
        exchange(folder, own, own, '&mode=0666', dies, before_caller=NOBODY)
    os.chown(folder, 65534, 65534)
    for dies in (False, True):
        exchange(folder, own, own, '', dies, before_server=NOBODY)


def in_two_pid_namespaces(folder):
    # The shell is the namespace's first process, which the kernel does not kill at its own wish.
    shell = ['sh', '-c', '"$@"; exit $?', 'sh']
    apart = ['unshare', '--pid', '--fork', '--kill-child', *shell]
    if not runs([*apart, 'true']):
        apart = ['unshare', '--user', '--map-root-user', '--pid', '--fork', '--kill-child', *shell]
    if not runs([*apart, 'true']):
        raise tap.Skip('this user may make no namespace of processes')
    for dies in (False, True):
        exchange(folder, own, own, dies=dies, before_caller=apart)
        exchange(folder, own, own, dies=dies, before_server=apart)
        exchange(folder, own, own, dies=dies, before_server=apart, before_caller=apart)


def memory_group(name, most):
    """A group of this name below the one that we are in, and what to write there first; None: none may be made."""
    for line in pathlib.Path('/proc/self/cgroup').read_text(encoding='ascii').splitlines():
        _, controllers, path = line.split(':', 2)
        mount, limit = {'memory': ('/sys/fs/cgroup/memory', 'memory.limit_in_bytes'),
                        '': ('/sys/fs/cgroup', 'memory.max')}.get(controllers, (None, None))
        if mount is None or not pathlib.Path(mount + path, 'cgroup.procs').exists():
            continue
        group = pathlib.Path(mount + path, name)
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / limit).write_text(str(most), encoding='ascii')
        except OSError:
            group.rmdir()
            continue
        return group
    return None


def remove_group(group):
    """The kernel counts dead processes a moment longer."""
    until = time.monotonic() + LIMIT_S
    while True:
        try:
            return group.rmdir()
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)


def in_a_memory_group_each(folder):
    with contextlib.ExitStack() as stack:
        groups = []
        for number in range(2):
            group = memory_group(f'enlace-test-{os.getpid()}-{number}', 32 << 20)
            if group is None:
                raise tap.Skip('no memory group may be made here')
            stack.callback(remove_group, group)
            groups.append(['sh', '-c', f'echo $$ >{group}/cgroup.procs && exec "$@"', 'sh'])
        for dies in (False, True):
            exchange(folder, own, own, dies=dies, before_server=groups[0], before_caller=groups[1])


tap.main([
    ('a_build_exchanges_messages_with_itself', with_itself),
    ('builds_of_other_widths_and_libraries_exchange_messages', in_every_pairing),
    ('a_build_shares_locks_with_itself', share_locks),
    ('builds_of_other_widths_and_libraries_share_locks', of_other_widths_share_locks),
    ('two_users_exchange_messages', of_two_users),
    ('two_pid_namespaces_exchange_messages', in_two_pid_namespaces),
    ('two_memory_groups_exchange_messages', in_a_memory_group_each),
])
