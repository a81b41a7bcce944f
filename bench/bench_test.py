#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The benchmark runs, and what it says is well formed. No figure is judged here: the machine that
tests may be busy."""

import json
import pathlib
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / 'tests' / 'abi'))
import tap  # noqa: E402  (the same printer of TAP serves all scripts)

LIMIT_S = 120
BAR_KEYS = {'name', 'subject', 'reference', 'ratio', 'p10', 'p90', 'bar', 'better', 'held'}


def run(bench, *words):
    done = subprocess.run([bench, *words], stdin=subprocess.DEVNULL, timeout=LIMIT_S, text=True,
                          capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


def measure(bench, folder, *words):
    """A short run; 1 is its answer where the reference itself was slow."""
    path, name = pathlib.Path(folder) / 'bench.json', pathlib.Path(folder) / 'name'
    if not name.is_symlink():
        name.symlink_to(path)
    status, out, err = run(bench, '--seconds', '2', '--json', str(name), *words)
    assert status in (0, 1), f'status {status}; out {out}; err {err}'
    assert name.is_symlink(), 'a link, or a device, was replaced by the report'
    return json.loads(path.read_text()), out


def quick_run_completes(bench, folder):
    document, out = measure(bench, folder, '--quick')
    assert {'machine', 'floors', 'bars', 'rows'} <= set(document), document.keys()
    assert {'cpu', 'kernel', 'cores', 'date'} <= set(document['machine']), document['machine']
    assert document['bars'] and document['rows'] and document['floors'], out
    names = [row['name'] for row in document['rows']]
    for bar in document['bars']:
        assert BAR_KEYS <= set(bar), bar
        assert bar['better'] in ('lower', 'higher') and isinstance(bar['held'], bool), bar
        row = bar['subject'].rsplit('/', 1)[0]
        assert not bar['measured'] or bar['subject'] in names, bar
        assert bar['measured'] or any(name.startswith(row) for name in names) or \
            f'no row {row}' in out, bar
    assert 'held' in out or 'SHORT' in out, out


def rows_are_intact(bench, folder):
    document, out = measure(bench, folder, '--quick', '--only', '/64/same/')
    measured = [row for row in document['rows'] if 'mean_ns' in row]
    assert measured, out
    for row in measured:
        assert not row['void'] and row['messages'] > 0 and row['cpu_seconds'] > 0, row
        assert 0 < row['p50_ns'] <= row['p99_ns'] <= row['p999_ns'], row
    ways = {row['name'].rsplit('/', 1)[1] for row in measured}
    assert ways == {'subject', 'reference'}, ways


def pattern_and_place_choose_rows(bench, folder):
    _, everything, _ = run(bench, '--list')
    status, out, err = run(bench, '--list', '--only', 'pipe/round-trip/8/*', '--pin', 'same')
    rows = [line for line in out.splitlines() if not line.startswith('bar: ')]
    assert (status, err, rows) == (0, '', ['pipe/round-trip/8/same/sleep']), (status, out, err)
    assert rows[0] in everything.splitlines(), everything
    status, out, err = run(bench, '--list', '--only', 'pipe/round-trip/8', '--pin', 'free')
    assert (status, out.split()) == (0, ['pipe/round-trip/8/free/sleep']), (status, out, err)


def mistakes_are_refused(bench, folder):
    for words in [['--pin', 'here'], ['--seconds', '0'], ['--seconds', '1x'], ['--unknown'],
                  ['word']]:
        status, out, err = run(bench, *words)
        assert (status, out) == (2, '') and 'usage: bench' in err, (words, status, out, err)
    status, _, err = run(bench, '--only', 'no such row')
    assert status == 2 and '--list' in err, (status, err)


def unwritable_result_is_told(bench, folder):
    status, _, err = run(bench, '--quick', '--seconds', '1', '--only', 'pipe/calls/look', '--json',
                         f'{folder}/none/bench.json')
    assert status == 2 and 'No such file' in err, (status, err)


if __name__ == '__main__':
    checks = [quick_run_completes, rows_are_intact, pattern_and_place_choose_rows,
              mistakes_are_refused, unwritable_result_is_told]
    tap.main([(check.__name__, lambda folder, check=check: check(sys.argv[1], folder))
              for check in checks])
