# SPDX-License-Identifier: MIT
"""TAP for the scripts of this folder: each check is a function that raises if it fails."""

import subprocess
import sys
import tempfile
import traceback


class Skip(Exception):
    """Raised by a check that this build cannot make; its text is the reason."""


def run(command, **options):
    """Runs a command within a minute, returns its output, raises with all of it on failure."""
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          **options)
    if done.returncode != 0:
        raise AssertionError(f'{" ".join(map(str, command))}: exit {done.returncode}\n{done.stdout}')
    return done.stdout


def main(checks):
    """Runs (name, function) pairs, each in a temporary folder of its own, and prints TAP."""
    failed = 0
    print(f'1..{len(checks)}', flush=True)
    for number, (name, check) in enumerate(checks, 1):
        name = name.replace(' ', '_')
        try:
            with tempfile.TemporaryDirectory(prefix='enlace-test-') as folder:
                check(folder)
            print(f'ok {number} - {name}', flush=True)
        except Skip as reason:
            print(f'ok {number} - {name} # SKIP {reason}', flush=True)
        except Exception as error:  # a check may fail in any way
            failed += 1
            text = str(error) if isinstance(error, AssertionError) else traceback.format_exc()
            print(f'not ok {number} - {name}')
            print(''.join(f'# {line}\n' for line in text.splitlines()), end='', flush=True)
    sys.exit(1 if failed else 0)
