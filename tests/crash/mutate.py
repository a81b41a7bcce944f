#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a source with one deliberate fault: mutate.py MUTANT SOURCE OUTPUT

A mutant is a text: a line that says what is wrong; `source:`, `program:`, `case:`; then what is written instead of
what. It must occur once in the source; where it does not, the source stays as it is, and mutants_test.py tells.
"""

import pathlib
import sys

OLD, NEW = '---- instead of\n', '---- write\n'


def read(path):
    """The fields of a mutant, with `what`, `old` and `new`."""
    head, _, rest = pathlib.Path(path).read_text(encoding='utf-8').partition(OLD)
    old, _, new = rest.partition(NEW)
    lines = head.splitlines()
    fields = dict(line.split(': ', 1) for line in lines[1:])
    return {**fields, 'what': lines[0].split(': ', 1)[1], 'old': old, 'new': new}


def main():
    mutant, source, output = sys.argv[1:]
    fields = read(mutant)
    text = pathlib.Path(source).read_text(encoding='utf-8')
    if text.count(fields['old']) == 1:
        text = text.replace(fields['old'], fields['new'])
    else:
        print(f'{mutant}: its text does not occur once in {source}', file=sys.stderr)
    pathlib.Path(output).write_text(f'#line 1 "{source}"\n{text}', encoding='utf-8')


if __name__ == '__main__':
    main()
