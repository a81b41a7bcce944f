#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""enlace demo: every mechanism is visited, and nothing stays behind."""

import json
import os
import re
import signal

from command import LIMIT_S, expect, main, on_terminal, wait_until


def with_folder(command, folder, **more):
    return {**command.environment, 'TMPDIR': str(folder), **more}


def tour_visits_every_mechanism(command, folder):
    text = expect(command.run('demo', env=with_folder(command, folder)), 0).decode()
    catalog = json.loads(expect(command.run('links', '--json'), 0))['mechanisms']
    for mechanism in catalog:
        rows = [line for line in text.splitlines() if line.startswith(mechanism['scheme'] + ':')]
        assert rows, (mechanism['scheme'], text)
        for row in rows:
            if mechanism['meet'] != ['adopt']:
                measured = r'[\d.]+ [kM]?/s .* [\d.]+ .?B/s$' if mechanism['can']['lossless'] else '- +-$'
                assert re.search(r' \d+ (B|KiB|MiB) +[\d.]+ (ns|µs|ms|s) +' + measured, row), row
    assert len([line for line in text.splitlines() if line.startswith('unix:')]) == 3, text
    assert 'not a benchmark' in text, text
    long = [line for line in text.splitlines() if len(line) > 80]
    assert not long, long
    assert os.listdir(folder) == []


def tour_works_without_a_usable_tmpdir(command, folder):
    expect(command.run('demo', env=with_folder(command, folder, TMPDIR=folder / ('x' * 120))), 0)
    expect(command.run('demo', env=with_folder(command, folder / 'none')), 1, None,
           'enlace: demo: cannot make a folder')


def tour_shows_colours_on_terminals_only(command, folder):
    environment = with_folder(command, folder, TERM='xterm')
    assert b'\033' not in expect(command.run('demo', env=environment), 0)
    status, shown = on_terminal(command, 'demo', environment=environment)
    assert status == 0 and '\033[1m' in shown and '█' in shown, shown
    status, shown = on_terminal(command, 'demo', environment={**environment, 'NO_COLOR': '1'})
    assert status == 0 and '\033' not in shown, shown


def tour_is_ascii_without_utf8(command, folder):
    text = expect(command.run('demo', env=with_folder(command, folder, LC_ALL='C')), 0)
    assert max(text) < 128 and b'us' in text and b'#' in text, text


def interrupted_tour_leaves_nothing_behind(command, folder):
    status = 0
    while status == 0:  # it came to its end before the signal did
        child = command.start('demo', env=with_folder(command, folder))
        wait_until(lambda: os.listdir(folder) or child.poll() == 0, 'the tour has begun')
        child.send_signal(signal.SIGINT)
        status = child.wait(LIMIT_S)
        assert os.listdir(folder) == []
    assert status in (1, -signal.SIGINT), status


if __name__ == '__main__':
    main([
        ('the tour visits every mechanism', tour_visits_every_mechanism),
        ('the tour does without a usable TMPDIR', tour_works_without_a_usable_tmpdir),
        ('the tour shows colours on terminals only', tour_shows_colours_on_terminals_only),
        ('without UTF-8 the tour is ASCII', tour_is_ascii_without_utf8),
        ('an interrupted tour leaves nothing behind', interrupted_tour_leaves_nothing_behind),
    ])
