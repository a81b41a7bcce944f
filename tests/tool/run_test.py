#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""enlace run: statuses, deadlines, limits, links, signals."""

import json
import os
import signal
import time

from command import LIMIT_S, expect, main, wait_until


def status_is_passed_through(command, _folder):
    for status in [0, 1, 2, 77, 255]:
        expect(command.run('run', '--', 'sh', '-c', f'exit {status}'), status)
    expect(command.run('run', '--', 'sh', '-c', 'kill -9 $$'), 128 + 9)
    expect(command.run('run', '--', 'sh', '-c', 'cat; exit 4', data=b'streams'), 4, b'streams')


def what_cannot_be_started_is_told(command, _folder):
    expect(command.run('run', '--', '/no/such'), 127, b'', 'enlace: run: cannot start /no/such')
    expect(command.run('run', '--', '/'), 126, b'', 'cannot execute it')
    expect(command.run('run', '-C', '/no/such', '--', 'true'), 126, b'', 'directory /no/such')
    expect(command.run('run'), 2, b'', 'no command given')
    expect(command.run('run', '--timeout', 'x', 'true'), 2, b'', 'not a duration')
    expect(command.run('run', '--link', 'x', 'true'), 2, b'', 'a link is NAME=ADDRESS')
    expect(command.run('run', '--link', 'x=nope:', 'true'), 2, b'', 'nope')
    expect(command.run('run', '--limit', '0', 'true'), 2, b'', '--limit 0')


def has_ended(pid):
    try:
        with open(f'/proc/{pid}/stat', encoding='ascii') as file:
            return file.read().split()[2] in 'ZX'
    except FileNotFoundError:
        return True


def timeout_ends_the_tree(command, folder):
    script = 'trap "" TERM; setsid sh -c "trap \\"\\" TERM; echo \\$\\$ > pid; while :; do sleep 9; done" & ' \
             'while :; do sleep 9; done'
    text, ms = '', 250
    while not text:  # until the grandchild has come so far within the time
        ms *= 2
        begin = time.monotonic()
        expect(command.run('run', '-t', f'{ms}ms', '-g', '10ms', '-C', folder, '--', 'sh', '-c', script), 124)
        assert time.monotonic() - begin >= ms / 1000
        if os.path.exists(f'{folder}/pid'):
            with open(f'{folder}/pid', encoding='ascii') as file:
                text = file.read()
    pid = int(text)
    wait_until(lambda: has_ended(pid), 'the grandchild has ended')


def limit_ends_what_writes_too_much(command, _folder):
    expect(command.run('run', '--limit', '10', '--', 'yes'), 125, b'y\n' * 5)
    expect(command.run('run', '--limit', '10', '--', 'echo', 'short'), 0, b'short\n')
    expect(command.run('run', '--limit', '1k', '--', 'yes'), 125, b'y\n' * 512)
    for size in ['1Q', 'k', '1kk', '-1', '99999999999999999999', '99999999999G', '']:
        expect(command.run('run', '--limit', size, '--', 'true'), 2, b'', f'--limit {size}: not')


def end_is_told_in_words_and_json(command, _folder):
    expect(command.run('run', '-s', '--', 'sh', '-c', 'exit 3'), 3, b'', 'exited with 3, ')
    expect(command.run('run', '-s', '--', 'sh', '-c', 'kill -TERM $$'), 143, b'', 'killed by SIGTERM, ')
    status, _, text = command.run('run', '--json', '--', 'sh', '-c', 'exit 3')
    assert status == 3, status
    told = json.loads(text)
    assert (told['change'], told['number'], told['timeout']) == ('exited', 3, False), told
    assert told['largest_bytes'] > 0, told


def links_are_given_by_name(command, folder):
    path = f'{folder}/f'
    os.mkfifo(path)
    keep = os.open(path, os.O_RDWR)
    os.write(keep, b'hello\n')
    done = command.run('run', '--receive', f'jobs=fifo:{path}?frame=line', '--', 'sh', '-c',
                       'echo "$ENLACE_LINKS"; read x <&3; echo "got $x"')
    text = expect(done, 0).decode()
    assert text.startswith('jobs=') and '=fd:3?frame=line' in text and text.endswith('\ngot hello\n'), text
    os.close(keep)


def signals_are_passed_on(command, folder):
    script = 'trap "echo asked; exit 9" TERM; touch up; while :; do sleep 0.02; done'
    child = command.start('run', '-C', folder, '--', 'sh', '-c', script)
    wait_until(lambda: os.path.exists(f'{folder}/up'), 'the command is up')
    child.send_signal(signal.SIGTERM)
    out, _ = child.communicate(timeout=LIMIT_S)
    assert (child.returncode, out) == (9, b'asked\n'), (child.returncode, out)


def command_dies_with_it(command, folder):
    child = command.start('run', '-C', folder, '--', 'sh', '-c', 'echo $$ > pid; mv pid up; exec sleep 100')
    wait_until(lambda: os.path.exists(f'{folder}/up'), 'the command is up')
    child.kill()
    child.communicate(timeout=LIMIT_S)  # the sleep holds its output, until it dies


main([
    ('status is passed through', status_is_passed_through),
    ('what cannot be started is told', what_cannot_be_started_is_told),
    ('timeout ends the tree', timeout_ends_the_tree),
    ('limit ends what writes too much', limit_ends_what_writes_too_much),
    ('end is told in words and JSON', end_is_told_in_words_and_json),
    ('links are given by name', links_are_given_by_name),
    ('signals are passed on', signals_are_passed_on),
    ('command dies with it', command_dies_with_it),
])
