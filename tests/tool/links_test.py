#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""enlace links: the table, one mechanism in words, and JSON."""

import json

from command import expect, main, on_terminal

KNOWN = {'pipe', 'fifo', 'unix'}


def catalog(command, *words):
    document = json.loads(expect(command.run('links', '--json', *words), 0))
    return {row['address']: row for row in document['mechanisms']}


def json_is_one_typed_document(command, _folder):
    rows = catalog(command)
    assert KNOWN <= set(rows), rows.keys()
    for name, row in rows.items():
        assert row['scheme'] == name and row['syntax'].startswith(name + ':'), row
        assert row['summary'] and isinstance(row['options'], list), row
        assert set(row['meet']) <= {'pair', 'open', 'listen', 'adopt'} and row['meet'], row
        assert row['reach'] in ('process', 'relatives', 'machine', 'network'), row
        for key in ['senders', 'receivers', 'largest_message', 'capacity']:
            assert row[key] is None or type(row[key]) is int, (key, row)
        assert row['can'] and all(type(value) is bool for value in row['can'].values()), row
        assert row['can'].keys() == rows['pipe']['can'].keys(), row


def json_says_what_the_mechanisms_can(command, _folder):
    rows = catalog(command)
    assert rows['pipe']['reach'] == 'relatives' and 'pair' in rows['pipe']['meet'], rows['pipe']
    assert rows['fifo']['reach'] == 'machine' and 'open' in rows['fifo']['meet'], rows['fifo']
    assert 'listen' in rows['unix']['meet'] and rows['unix']['can']['duplex'], rows['unix']
    assert not rows['pipe']['can']['duplex'] and not rows['fifo']['can']['priority'], rows


def table_fits_eighty_columns(command, _folder):
    text = expect(command.run('links'), 0).decode()
    long = [line for line in text.splitlines() if len(line) > 80]
    assert not long, long
    for word in [*KNOWN, 'boundaries', 'reach', 'senders', 'largest', 'machine']:
        assert word in text, (word, text)
    rows = [line for line in text.splitlines() if line.strip().startswith('duplex')]
    assert rows and '✓' in rows[0] and '·' in rows[0], rows  # one in each block


def table_agrees_with_json(command, _folder):
    rows = catalog(command, 'pipe', 'unix')
    lines = expect(command.run('links', 'pipe', 'unix'), 0).decode().splitlines()
    assert lines[0].split() == ['pipe', 'unix'], lines[0]
    seen = {}
    for line in lines:
        words = line.split()
        if words[-1] in '✓·':
            seen[' '.join(words[:-2])] = [word == '✓' for word in words[-2:]]
    for name in rows['pipe']['can']:
        assert seen[name] == [rows['pipe']['can'][name], rows['unix']['can'][name]], name


def table_without_utf8_is_ascii(command, _folder):
    environment = {**command.environment, 'LC_ALL': 'C'}
    for words in [[], ['unix']]:
        text = expect(command.run('links', *words, env=environment), 0)
        assert max(text) < 128, text
    assert b'yes' in expect(command.run('links', env=environment), 0)


def narrow_terminal_gets_several_tables(command, _folder):
    environment = {**command.environment, 'COLUMNS': '40'}
    text = expect(command.run('links', 'pipe', 'fifo', 'unix', env=environment), 0).decode()
    assert all(len(line) <= 40 for line in text.splitlines()), text
    assert text.count('boundaries') > 1, text


def one_mechanism_is_told_in_words(command, _folder):
    text = expect(command.run('links', 'unix'), 0).decode()
    assert expect(command.run('links', 'unix:'), 0).decode() == text
    assert all(len(line) <= 80 for line in text.splitlines()), text
    for word in ['unix:', 'type', 'frame', 'listen: one side listens', 'both ends send and receive',
                 'messages have no priority']:
        assert word in text, (word, text)
    for name in catalog(command)['unix']['can']:
        assert name in text, name


def options_of_an_address_are_considered(command, _folder):
    framed, raw = 'unix:?frame=u32', 'unix:?frame=raw'
    rows = catalog(command, framed, raw)
    assert rows[framed]['can']['boundaries'] and not rows[raw]['can']['boundaries'], rows
    assert 'a stream of bytes' in expect(command.run('links', raw), 0).decode()


def unknown_mechanism_is_a_mistake(command, _folder):
    expect(command.run('links', 'unx'), 2, b'', 'unknown mechanism unx; did you mean unix?')
    expect(command.run('links', 'carrier-pigeon'), 2, b'', 'there are channel, pipe, fifo, unix')
    expect(command.run('links', 'pipe', 'unix:?frobnicate=1'), 2, b'', 'frobnicate')
    expect(command.run('links', 'nothing:/tmp/x'), 2, b'', 'nothing')


def colours_are_for_terminals(command, _folder):
    colours = {'TERM': 'xterm'}
    assert b'\033' not in expect(command.run('links', env={**command.environment, **colours}), 0)
    for words in [[], ['unix']]:
        status, shown = on_terminal(command, 'links', *words, environment=colours)
        assert status == 0 and '\033[' in shown, shown
        status, shown = on_terminal(command, 'links', *words,
                                    environment={**colours, 'NO_COLOR': '1'})
        assert status == 0 and '\033' not in shown, shown
        status, shown = on_terminal(command, 'links', *words, environment={'TERM': 'dumb'})
        assert status == 0 and '\033' not in shown, shown


if __name__ == '__main__':
    main([
        ('JSON is one typed document', json_is_one_typed_document),
        ('JSON says what the mechanisms can', json_says_what_the_mechanisms_can),
        ('the table fits 80 columns', table_fits_eighty_columns),
        ('the table agrees with JSON', table_agrees_with_json),
        ('without UTF-8 the table is ASCII', table_without_utf8_is_ascii),
        ('a narrow terminal gets several tables', narrow_terminal_gets_several_tables),
        ('one mechanism is told in words', one_mechanism_is_told_in_words),
        ('the options of an address are considered', options_of_an_address_are_considered),
        ('an unknown mechanism is a mistake', unknown_mechanism_is_a_mistake),
        ('colours are for terminals', colours_are_for_terminals),
    ])
