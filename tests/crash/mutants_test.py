#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each mutant must be caught: mutants_test.py MUTANT=PROGRAM...

PROGRAM is the program of the mutant's case, built with the mutated source in place of the real one.
"""

import concurrent.futures
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
AT_A_TIME = 4  # most of them wait for what does not come
sys.path.insert(0, str(HERE.parent / 'abi'))

import mutate  # noqa: E402
import tap  # noqa: E402


def run(program, case):
    # all points that a peer can tell apart; what hangs need not hang for long
    environment = {**os.environ, 'CRASH_EVERY': '200', 'CRASH_PATIENCE': '3'}
    wrapper = environment.get('TEST_WRAPPER', '').split()
    return subprocess.run([*wrapper, program, '--only', case], stdin=subprocess.DEVNULL, timeout=900,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env=environment)


def check_of(mutant, fields, running):
    def check(_folder):
        source = ROOT / fields['source']
        count = source.read_text(encoding='utf-8').count(fields['old'])
        assert count == 1, f'{mutant}: its text occurs {count} times in {source}: write it anew'
        done = running.result()
        lines = done.stdout.splitlines()
        skips = [line.split('# SKIP ')[1] for line in lines if '# SKIP ' in line]
        if skips:
            raise tap.Skip(skips[0])
        caught = [line for line in lines if 'explained: killed ' in line]
        assert done.returncode == 1 and caught, f'nobody noticed: {fields["what"]}\n{done.stdout}'
        print(f'# {caught[0][1:].strip()}')
    return check


def main():
    pairs = [argument.split('=', 1) for argument in sys.argv[1:]]
    checks = []
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        for mutant, program in pairs:
            fields = mutate.read(mutant)
            running = pool.submit(run, program, fields['case'])
            checks.append((pathlib.Path(mutant).stem, check_of(mutant, fields, running)))
        tap.main(checks)


if __name__ == '__main__':
    main()
