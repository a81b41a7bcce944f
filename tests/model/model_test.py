#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks each model with spin, and that it fails when what it rests on is left out: model_test.py [--thorough] [MODEL...]

A model's head lists what is to be defined: `holds: NAME...` must be free of errors, `fails: NAME...  why` must not be
("-" is nothing). `thorough: NAME...` must hold, too, but takes long, so it is only checked on demand. An error is a
violated assertion, or that somebody waits for ever.
"""

import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'abi'))

import tap  # noqa: E402

RUN = re.compile(r'^ \* (holds|fails|thorough): ((?:[A-Z_]+ ?)+|-)(?: |$)', re.MULTILINE)
COUNT = re.compile(r'errors: (\d+)')
STATES = re.compile(r'^ *([0-9.e+]+) states, stored', re.MULTILINE)


def check_of(model, wanted, names):
    def check(folder):
        if shutil.which('spin') is None:
            raise tap.Skip('spin is not installed')
        for path in HERE.glob('*.pml'):
            shutil.copy(path, folder)
        out = tap.run(['spin', '-a', *(f'-D{name}' for name in names), model.name], cwd=folder)
        assert 'Error' not in out, out
        # an omission is soon found: to optimise the search costs more than it saves
        level = '-O0' if wanted == 'fails' else '-O1'
        tap.run(['cc', '-w', level, '-DSAFETY', '-DCOLLAPSE', '-DMEMLIM=2000', '-o', 'pan', 'pan.c'], cwd=folder)
        out = subprocess.run(['./pan', '-m1000000'], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, timeout=600, check=False).stdout
        errors = COUNT.search(out)
        assert errors and 'max search depth too small' not in out and 'out of memory' not in out, out
        assert (errors[1] == '0') == (wanted != 'fails'), out
        print(f'# {STATES.search(out)[1]} states')
    return check


def main():
    checks = []
    names = [name for name in sys.argv[1:] if name != '--thorough']
    for path in [pathlib.Path(name) for name in names] or sorted(HERE.glob('*.pml')):
        for wanted, names in RUN.findall(path.read_text(encoding='utf-8')):
            if wanted == 'thorough' and '--thorough' not in sys.argv:
                continue
            names = [] if names.strip() == '-' else names.split()
            checks.append((' '.join([path.stem, wanted, *(names or ['as it is'])]), check_of(path, wanted, names)))
    tap.main(checks)


if __name__ == '__main__':
    main()
