# SPDX-License-Identifier: MIT
"""What the tests of this folder share: starting the examples and their peers, within limits."""

import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / 'tests' / 'abi'))
import tap  # noqa: E402  (the same printer of TAP serves all scripts)

LIMIT_S = 120 * int(os.environ.get('TEST_TIME_SCALE', '1'))
WRAPPER = os.environ.get('TEST_WRAPPER', '').split()


class Programs:
    """The built examples, and all that one test starts."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.started = []

    def start(self, name, *words):
        """An example, in the background; what it prints is kept in a file, so that it never waits."""
        return self.spawn([*WRAPPER, self.folder / name, *words])

    def spawn(self, words, data=None):
        output = tempfile.TemporaryFile()
        given = subprocess.DEVNULL
        if data is not None:
            given = tempfile.TemporaryFile()
            given.write(data)
            given.seek(0)
        child = subprocess.Popen([str(word) for word in words], stdin=given, stdout=output,
                                 stderr=output, env={**os.environ, 'LC_ALL': 'C.UTF-8'})
        if data is not None:
            given.close()
        child.output = output
        self.started.append(child)
        return child

    def run(self, name, *words, data=None):
        child = self.spawn([*WRAPPER, self.folder / name, *words], data)
        return finish(child)

    def end_all(self):
        for child in self.started:
            if child.poll() is None:
                child.kill()
            child.wait(LIMIT_S)
            child.output.close()


def printed(child):
    size = os.fstat(child.output.fileno()).st_size
    return os.pread(child.output.fileno(), size, 0).decode()


def finish(child, status=0):
    """Waits until it has ended by itself; gives what it printed."""
    try:
        code = child.wait(LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise AssertionError(f'{child.args} does not end; it printed {printed(child)!r}') from error
    assert code == status, f'{child.args}: status {code}, not {status}; printed {printed(child)!r}'
    return printed(child)


def expected(name):
    return (ROOT / 'examples' / f'{name}.expected').read_text(encoding='utf-8')


def expect(text, wanted):
    assert text == wanted, f'printed\n{text}\nnot\n{wanted}'


def wait_until(condition, what):
    """Waits for an event; a test that needs longer than LIMIT_S has failed."""
    until = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < until, f'waited in vain: {what}'
        time.sleep(0.005)


def main(programs_folder, checks):
    """Runs checks of (name, function), each with the programs and a folder of its own."""
    def bind(check):
        def checked(folder):
            programs = Programs(programs_folder)
            with contextlib.ExitStack() as stack:
                stack.callback(programs.end_all)
                check(programs, pathlib.Path(folder))
        return checked

    tap.main([(name, bind(check)) for name, check in checks])
