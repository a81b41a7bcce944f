# SPDX-License-Identifier: MIT
"""What the tests of the command share: running it, within limits, and ending what was started."""

import contextlib
import os
import pathlib
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / 'abi'))
import tap  # noqa: E402  (the same printer of TAP serves all scripts)

LIMIT_S = 120
ORDINARY = 65534  # nobody: every system has this number


class Command:
    """The command under test, and all that one test starts."""

    def __init__(self, program):
        self.program = program
        self.started = []
        self.environment = {**os.environ, 'LC_ALL': 'C.UTF-8', 'TERM': 'dumb'}
        self.environment.pop('COLUMNS', None)

    def start(self, *words, **options):
        """A process of the command, in the background. Pipes where nothing else is said."""
        return self.spawn([self.program, *words], **options)

    def spawn(self, words, **options):
        options = {'stdin': subprocess.PIPE, 'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE,
                   'env': self.environment, **options}
        child = subprocess.Popen([str(word) for word in words], **options)
        self.started.append(child)
        return child

    def shell(self, text, data=b'', **variables):
        """Runs a script in bash; $enlace is the command."""
        variables = {'enlace': self.program, **variables}
        return self.finish(self.spawn(
            ['bash', '-c', text],
            env={**self.environment, **{name: str(value) for name, value in variables.items()}}), data)

    def run(self, *words, data=b'', **options):
        return self.finish(self.start(*words, **options), data)

    @staticmethod
    def finish(child, data=None):
        """Waits for it; gives (exit status, output, errors), both as bytes."""
        out, err = child.communicate(data, timeout=LIMIT_S)
        return child.returncode, out, err

    def end_all(self):
        for child in self.started:
            if child.poll() is None:
                child.kill()
            child.wait(LIMIT_S)
            for stream in (child.stdin, child.stdout, child.stderr):
                if stream:
                    with contextlib.suppress(OSError):
                        stream.close()


def expect(result, status, out=None, err=None):
    """Compares a result; err is a part of the one line of errors, None if there must be none."""
    code, stdout, stderr = result
    assert code == status, f'status {code}, not {status}; out {stdout[:300]!r}; err {stderr!r}'
    if out is not None:
        assert stdout == out, f'printed {stdout[:300]!r}, not {out[:300]!r}; err {stderr!r}'
    if err is None:
        assert stderr == b'', f'errors: {stderr!r}'
    else:
        text = stderr.decode()
        assert err in text, f'{err!r} is not in {text!r}'
        assert text.startswith('enlace: ') and text.count('\n') == 1, f'not one line: {text!r}'
    return stdout


def wait_until(condition, what):
    """Waits for an event; a test that needs longer than LIMIT_S has failed."""
    until = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < until, f'waited in vain: {what}'
        time.sleep(0.005)


def wait_for_path(path):
    wait_until(lambda: os.path.lexists(path), f'{path} is there')


def wait_for_listener(path):
    """Until somebody accepts connections there, or datagrams; seen without connecting."""
    def listens():
        with open('/proc/net/unix', encoding='utf-8', errors='replace') as table:
            rows = [line.split() for line in table if line.rstrip().endswith(f' {path}')]
        # flags: __SO_ACCEPTCON; type: SOCK_DGRAM, which is there as soon as it is bound
        return any(row[3] == '00010000' or row[4] == '0002' for row in rows)
    wait_until(listens, f'somebody listens at {path}')


def read_line(child):
    """The next line of a process that goes on, without reading further."""
    line = b''
    while not line.endswith(b'\n'):
        ready, _, _ = select.select([child.stdout], [], [], LIMIT_S)
        assert ready, f'no line came, only {line!r}'
        byte = os.read(child.stdout.fileno(), 1)
        assert byte, f'the output ended after {line!r}'
        line += byte
    return line


def on_terminal(command, *words, width=80, environment=None):
    """Runs the command on a terminal of that width: (status, what it showed)."""
    leader, follower = pty.openpty()
    import fcntl
    import struct
    import termios
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack('HHHH', 24, width, 0, 0))
    child = command.start(*words, stdin=follower, stdout=follower, stderr=follower,
                          env={**command.environment, **(environment or {})})
    os.close(follower)
    shown = b''
    with contextlib.suppress(OSError):  # EIO: nobody has the terminal open any more
        while select.select([leader], [], [], LIMIT_S)[0]:
            piece = os.read(leader, 65536)
            if not piece:
                break
            shown += piece
    os.close(leader)
    return child.wait(LIMIT_S), shown.decode()


def reachable_copy(program, folder):
    """The command and its library where an ordinary user can get at them."""
    bin_folder = pathlib.Path(folder) / 'bin'
    bin_folder.mkdir()
    for path in [pathlib.Path(program), *pathlib.Path(program).parent.glob('libenlace.so*')]:
        if path.is_file():
            shutil.copy(path, bin_folder / path.name)
    for path in [pathlib.Path(folder), bin_folder, *bin_folder.iterdir()]:
        path.chmod(0o755)
    return str(bin_folder / pathlib.Path(program).name)


def run_check(check, program, folder):
    command = Command(program)
    try:
        check(command, pathlib.Path(folder))
    finally:
        command.end_all()


def run_as_ordinary(check, program, folder):
    """The same in a child that is no longer root; what goes wrong there comes back as text."""
    os.chown(folder, ORDINARY, ORDINARY)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        report = b''
        try:
            os.setgroups([])
            os.setresgid(ORDINARY, ORDINARY, ORDINARY)
            os.setresuid(ORDINARY, ORDINARY, ORDINARY)
            run_check(check, program, folder)
        except tap.Skip as reason:
            report = b'skip ' + str(reason).encode()
        except BaseException:  # the parent tells it
            report = b'fail ' + traceback.format_exc().encode()
        os.write(writing, report)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, 'rb') as pipe:
        report = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    if report.startswith('skip '):
        raise tap.Skip(report[5:])
    assert status == 0 and not report, report[5:] or f'the check ended with status {status}'


def main(checks):
    """Runs checks of (name, function), each with a command and a folder of its own. As root, each is
    run again as an ordinary user."""
    program = str(pathlib.Path(sys.argv[1]).resolve())
    with contextlib.ExitStack() as stack:
        rounds = [(name, bind(run_check, check, program)) for name, check in checks]
        if os.geteuid() == 0:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix='enlace-test-'))
            copy = reachable_copy(program, folder)
            rounds += [(name + ', as an ordinary user', bind(run_as_ordinary, check, copy))
                       for name, check in checks]
        tap.main(rounds)


def bind(run, check, program):
    return lambda folder: run(check, program, folder)
