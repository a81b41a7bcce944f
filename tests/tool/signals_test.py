#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""enlace signals: the table, and the sets of a process, beside what Python and the process say."""

import json
import os
import signal

from command import LIMIT_S, expect, main


def table_has_every_signal(command, _folder):
    rows = [line.split() for line in expect(command.run('signals'), 0).decode().splitlines()]
    assert rows[0][:3] == ['NUMBER', 'NAME', 'DEFAULT'], rows[0]
    known = {int(row[0]): row for row in rows[1:]}
    wanted = {s for s in signal.valid_signals() if s < 32 or s >= signal.SIGRTMIN}
    assert set(known) == {int(s) for s in wanted}, set(known) ^ {int(s) for s in wanted}
    for number, row in known.items():
        if number < 32:
            assert getattr(signal, 'SIG' + row[1], number) == number, row
        assert row[-1] == ('queue' if number >= signal.SIGRTMIN else 'merge'), row
        assert row[-2] == ('no' if number in (signal.SIGKILL, signal.SIGSTOP) else 'yes'), row
    assert known[11][2:4] == ['end,', 'core'] and known[signal.SIGCONT][2] == 'continue'
    listed = json.loads(expect(command.run('signals', '-j'), 0))['signals']
    assert [s['number'] for s in listed] == sorted(known), listed
    assert {s['name']: s['default'] for s in listed}['SEGV'] == 'core'
    assert all(s['can_change'] == (known[s['number']][-2] == 'yes') for s in listed)
    assert all(s['queues'] == (known[s['number']][-1] == 'queue') for s in listed)
    assert known[signal.SIGTSTP][2] == 'stop' and known[signal.SIGCHLD][2:4] == ['be', 'ignored']


def sets_of_a_process_are_decoded(command, _folder):
    script = '''
import os, signal, sys
signal.signal(signal.SIGUSR1, lambda *_: None)
signal.signal(signal.SIGUSR2, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGRTMIN + 1})
os.kill(os.getpid(), signal.SIGTERM)
signal.pthread_kill(__import__("threading").main_thread().ident, signal.SIGRTMIN + 1)
print("ready", flush=True)
sys.stdin.read()
'''
    child = command.spawn(['/usr/bin/python3', '-c', script])
    assert child.stdout.readline() == b'ready\n'
    text = expect(command.run('signals', child.pid), 0).decode()
    sets = {line[:18].strip(): line[18:].split() for line in text.splitlines()}
    assert {'USR1', 'INT'} <= set(sets['catches']), text
    assert {'USR2', 'PIPE'} <= set(sets['ignores']), text
    assert sets['blocks'] == ['TERM', 'RTMIN+1'], text
    assert (sets['pending, process'], sets['pending, thread']) == (['TERM'], ['RTMIN+1']), text
    document = json.loads(expect(command.run('signals', '--json', child.pid), 0))
    assert document['pid'] == child.pid and document['blocks'] == ['TERM', 'RTMIN+1'], document
    assert document['pending_process'] == ['TERM'] and document['pending_thread'] == ['RTMIN+1']
    assert {name: document[name] for name in ('catches', 'ignores')} == {
        name: sets[name] for name in ('catches', 'ignores')}, document
    child.stdin.close()
    child.wait(LIMIT_S)


def wrong_calls_are_told(command, _folder):
    expect(command.run('signals', 'x'), 2, b'', 'x is no number of a process')
    expect(command.run('signals', '0'), 2, b'', 'no number of a process')
    expect(command.run('signals', '1', '2'), 2, b'', 'one too many: 2')
    expect(command.run('signals', '2147483647'), 1, b'', 'there is no process')
    expect(command.run('signals', os.getpid()), 0)


main([
    ('table has every signal', table_has_every_signal),
    ('sets of a process are decoded', sets_of_a_process_are_decoded),
    ('wrong calls are told', wrong_calls_are_told),
])
