#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Standard streams that fail, and signals: full, closed, left by their reader; interrupted, killed."""

import fcntl
import os
import pty
import signal
import socket

from command import LIMIT_S, expect, main, read_line, wait_for_listener, wait_for_path, wait_until

FULL = '/dev/full'


def full_disk_is_told(command, _folder):
    for words in [['--help'], ['--version'], ['links'], ['links', 'unix'], ['links', '--json'],
                  ['send', '--help'], ['demo', '--help']]:
        with open(FULL, 'wb') as full:
            expect(command.run(*words, stdout=full), 1, None, 'cannot write to standard output: No space')
    for form in [[], ['--json'], ['--hex'], ['--prefixed'], ['--whole']]:
        with open(FULL, 'wb') as full:
            expect(command.run('receive', 'fd:0?frame=line', *form, stdout=full, data=b'x\n' * 50000),
                   1, None, 'enlace: receive: cannot write to standard output: No space')


def closed_output_is_told(command, _folder):
    for words in ['--help', 'links', 'links --json']:
        code, out, err = command.shell(f'$enlace {words} >&-')
        assert code == 1 and out == b'' and err.count(b'\n') == 1, (words, code, err)
        assert b'cannot write to standard output' in err, err
    code, _, err = command.shell('echo x | $enlace receive "fd:0?frame=line" >&-')
    assert code == 1 and b'cannot write to standard output' in err, (code, err)


def link_never_takes_the_number_of_a_closed_stream(command, folder):
    """With standard output closed, what is printed must not go into the link that was opened last."""
    receiver = command.start('receive', '--listen', f'unix:{folder}/s?frame=line')
    wait_for_path(folder / 's')
    code, out, err = command.shell('$enlace send --wait "unix:$d/s?frame=line" --data x 0<&- 1>&- 2>&-',
                                   d=folder)
    assert (code, out, err) == (0, b'', b''), (code, out, err)
    expect(command.finish(receiver), 0, b'x\n')


def closed_input_is_told(command, _folder):
    code, out, err = command.shell('$enlace send fd:1 0<&-')
    assert code == 1 and out == b'' and b'cannot read the input' in err, (code, out, err)


def directory_as_input_is_told(command, folder):
    code, out, err = command.shell('$enlace send fd:1 < $d', d=folder)
    assert code == 1 and out == b'' and b'cannot read the input: Is a directory' in err, (code, err)


def reader_that_leaves_ends_it_silently(command, folder):
    expect(command.shell('seq 200000 | $enlace receive "fd:0?frame=line" | head -n 2; '
                         'exit ${PIPESTATUS[1]}'), 1, b'1\n2\n')
    # Also while it has nothing to do: the listener's name goes with it.
    receiver = command.start('receive', '--listen', f'unix:{folder}/s?frame=line')
    wait_for_listener(folder / 's')
    receiver.stdout.close()
    receiver.stdout = None
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(folder / 's'))
        peer.sendall(b'x\n')
        assert receiver.wait(LIMIT_S) == 1
    assert receiver.stderr.read() == b''
    assert not os.path.lexists(folder / 's')


def receiver_of_a_pipe_that_leaves_is_told_to_the_sender(command, _folder):
    code, out, err = command.shell('seq 200000 | $enlace send "fd:1?frame=line" | head -n 2; '
                                   'exit ${PIPESTATUS[1]}')
    assert code == 1 and out == b'1\n2\n', (code, out)
    assert err.startswith(b'enlace: send: ') and err.count(b'\n') == 1, err


def signals_end_a_receiver_in_order(command, folder):
    for number in [signal.SIGINT, signal.SIGTERM]:
        receiver = command.start('receive', '--listen', f'unix:{folder}/s')
        wait_for_path(folder / 's')
        sender = command.start('send', '--wait', f'unix:{folder}/s')
        sender.stdin.write(b'one\n')
        sender.stdin.flush()
        assert read_line(receiver) == b'one\n'
        receiver.send_signal(number)
        expect(command.finish(receiver), 0, b'')
        assert not os.path.lexists(folder / 's')
        sender.stdin.close()
        sender.stdin = None
        assert sender.wait(LIMIT_S) in (0, 1)


def signal_before_all_came_is_a_failure(command, folder):
    receiver = command.start('receive', '--listen', f'unix:{folder}/s', '--count', '3')
    wait_for_path(folder / 's')
    receiver.terminate()
    expect(command.finish(receiver), 1, b'', 'interrupted after 0 of 3 messages')
    assert not os.path.lexists(folder / 's')


def signals_end_a_listener_with_many(command, folder):
    receiver = command.start('receive', '--listen', '--keep', f'unix:{folder}/s')
    wait_for_path(folder / 's')
    receiver.send_signal(signal.SIGINT)
    expect(command.finish(receiver), 0, b'')
    assert not os.path.lexists(folder / 's')


def signals_end_a_sender_in_order(command, folder):
    os.mkfifo(folder / 'f')
    with open(folder / 'f', 'r+b', buffering=0) as both:
        sender = command.start('send', f'fifo:{folder}/f?frame=line')
        sender.stdin.write(b'one\n')
        sender.stdin.flush()
        assert both.read(4) == b'one\n'
        sender.terminate()
        code, err = sender.wait(LIMIT_S), sender.stderr.read()
        assert code == 0 and err == b'', (code, err)


def signal_while_space_is_missing_is_a_failure(command, folder):
    os.mkfifo(folder / 'f')
    with open(folder / 'f', 'r+b', buffering=0) as both:
        fcntl.fcntl(both, 1031, 4096)  # F_SETPIPE_SZ
        sender = command.start('send', f'fifo:{folder}/f?frame=line', '--count', '100000', '--data',
                               'x' * 99)
        wait_until(lambda: sleeps(sender.pid), 'the sender waits for space')
        sender.terminate()
        expect(command.finish(sender), 1, b'', 'interrupted before all was sent')


def sleeps(pid):
    with open(f'/proc/{pid}/stat', encoding='utf-8', errors='replace') as stat:
        fields = stat.read().rsplit(')', 1)[1].split()
    with open(f'/proc/{pid}/comm', encoding='utf-8') as comm:
        return comm.read() == 'enlace\n' and fields[0] == 'S'


def signal_before_the_peer_is_there_kills(command, folder):
    sender = command.start('send', '--wait', f'unix:{folder}/s', '--data', 'x')
    wait_until(lambda: sleeps(sender.pid), 'it waits')
    sender.terminate()
    assert sender.wait(LIMIT_S) == -signal.SIGTERM


def terminal_as_input_gives_lines(command, _folder):
    leader, follower = pty.openpty()
    sender = command.start('send', 'fd:1?frame=line', stdin=follower)
    os.close(follower)
    os.write(leader, b'typed\n')
    assert read_line(sender) == b'typed\n'
    os.write(leader, b'\x04')
    assert sender.wait(LIMIT_S) == 0
    os.close(leader)


def shared_input_keeps_its_flags(command, folder):
    """A descriptor of the shell's is shared with others: it must not turn non-blocking under them."""
    code, out, err = command.shell(
        '(echo one; until [ -e $d/received ]; do sleep 0.01; done; echo two) | '
        '($enlace receive "fd:0?frame=line" -n 1 -t 100s; touch $d/received; cat)', d=folder)
    assert (code, out, err) == (0, b'one\ntwo\n', b''), (code, out, err)
    reading, writing = os.pipe()
    before = fcntl.fcntl(writing, fcntl.F_GETFL)
    expect(command.run('send', 'fd:1?frame=line', '--data', 'x', stdout=writing), 0)
    assert fcntl.fcntl(writing, fcntl.F_GETFL) == before
    os.close(reading)
    os.close(writing)


if __name__ == '__main__':
    main([
        ('a full disk is told', full_disk_is_told),
        ('a closed output is told', closed_output_is_told),
        ('a link never takes the number of a closed stream',
         link_never_takes_the_number_of_a_closed_stream),
        ('a closed input is told', closed_input_is_told),
        ('a directory as input is told', directory_as_input_is_told),
        ('a reader that leaves ends it silently', reader_that_leaves_ends_it_silently),
        ('a sender is told of a reader that leaves',
         receiver_of_a_pipe_that_leaves_is_told_to_the_sender),
        ('signals end a receiver in order', signals_end_a_receiver_in_order),
        ('a signal before all came is a failure', signal_before_all_came_is_a_failure),
        ('signals end a listener with many peers', signals_end_a_listener_with_many),
        ('signals end a sender in order', signals_end_a_sender_in_order),
        ('a signal while space is missing is a failure', signal_while_space_is_missing_is_a_failure),
        ('a signal before the peer is there kills', signal_before_the_peer_is_there_kills),
        ('a terminal as input gives lines', terminal_as_input_gives_lines),
        ('a shared descriptor keeps its flags', shared_input_keeps_its_flags),
    ])
