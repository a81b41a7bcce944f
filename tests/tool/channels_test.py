#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""enlace channels: ends of living channels, as a table and as JSON."""

import json

from command import expect, main, wait_until


def with_a_receiver(command, folder):
    """A receiver that waits at a channel, and a sender that has sent one message and stays."""
    address = f'channel:{folder}/c'
    receiver = command.start('receive', '--listen', address)
    sender = command.start('send', '--wait', address)
    sender.stdin.write(b'one\n')
    sender.stdin.flush()
    assert receiver.stdout.readline() == b'one\n'
    # The sender did not have to know its peer for that.
    wait_until(lambda: [end['peer'] for end in ends_of(command, sender.pid)] == [receiver.pid], 'the two have met')
    return receiver, sender


def ends_of(command, pid):
    return json.loads(expect(command.run('channels', '--json', pid), 0))['channels']


def both_ends_are_shown(command, folder):
    receiver, sender = with_a_receiver(command, folder)
    here, there = ends_of(command, sender.pid), ends_of(command, receiver.pid)
    assert len(here) == len(there) == 1, (here, there)
    assert here[0]['pid'] == sender.pid and here[0]['peer'] == receiver.pid, here
    assert there[0]['peer'] == sender.pid, there
    assert here[0]['channel'] == f'{folder}/c', here
    assert here[0]['sent_messages'] == 1 and there[0]['sent_messages'] == 0, (here, there)
    assert here[0]['segment'] != there[0]['segment']
    table = expect(command.run('channels', sender.pid), 0).decode().splitlines()
    assert table[0].split() == ['PID', 'PEER', 'CHANNEL', 'QUEUED', 'BYTES', 'RING', 'SENT',
                                'RECEIVED', 'RINGS', 'STATE'], table
    assert table[1].split()[:3] == [str(sender.pid), str(receiver.pid), f'{folder}/c'], table
    everybody = json.loads(expect(command.run('channels', '--json'), 0))['channels']
    assert {sender.pid, receiver.pid} <= {end['pid'] for end in everybody}
    sender.stdin.close()
    sender.wait()
    receiver.wait()


def rates_are_told(command, folder):
    _, sender = with_a_receiver(command, folder)
    text = expect(command.run('channels', '--interval', '20ms', sender.pid), 0).decode()
    assert text.splitlines()[0].split()[-1] == 'RATE', text
    ends = json.loads(expect(command.run('channels', '-i', '10ms', '--json', sender.pid), 0))
    assert ends['channels'][0]['messages_a_second'] == 0, ends


def none_are_shown_as_none(command, _folder):
    child = command.spawn(['sleep', '30'])
    assert ends_of(command, child.pid) == []


def mistakes_are_told(command, _folder):
    expect(command.run('channels', 'x'), 2, b'', 'x is no number of a process')
    expect(command.run('channels', '1', '2'), 2, b'', 'one process at a time')
    expect(command.run('channels', '--interval', 'soon'), 2, b'', 'soon is no time')
    expect(command.run('channels', '2147483640'), 1, b'', 'no process has the number')


main([
    ('both ends are shown', both_ends_are_shown),
    ('rates are told', rates_are_told),
    ('none are shown as none', none_are_shown_as_none),
    ('mistakes are told', mistakes_are_told),
])
