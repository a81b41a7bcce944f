#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Two shells meet: send and receive over every mechanism that a shell can reach, waiting, listening,
creating, and what is said when nobody is there."""

import json
import os
import socket
import stat

from command import LIMIT_S, expect, main, read_line, wait_for_listener, wait_for_path

LINES = b''.join(b'line %d\n' % n for n in range(2000))


def fifo_carries_lines(command, folder):
    address = f'fifo:{folder}/f'
    receiver = command.start('receive', '--create', address)
    expect(command.run('send', '--wait', address, data=LINES), 0, b'')
    expect(command.finish(receiver), 0, LINES)
    assert stat.S_ISFIFO(os.stat(folder / 'f').st_mode)


def fifo_may_be_opened_by_the_sender_first(command, folder):
    address = f'fifo:{folder}/f'
    sender = command.start('send', '--create', address, '--data', 'hello')
    wait_for_path(folder / 'f')
    expect(command.run('receive', address), 0, b'hello\n')
    expect(command.finish(sender), 0, b'')


def fifo_sender_waits_no_longer_than_told(command, folder):
    address = f'fifo:{folder}/f'
    os.mkfifo(folder / 'f')
    expect(command.run('send', address, '--timeout', '50ms', '--data', 'x'), 1, b'', 'enlace: send: ')
    expect(command.run('send', address, '--timeout', '0', '--data', 'x'), 1, b'', 'enlace: send: ')


def fifo_that_is_not_there_says_what_to_do(command, folder):
    expect(command.run('receive', f'fifo:{folder}/f'), 1, b'', '--create makes it, --wait waits')
    expect(command.run('send', f'fifo:{folder}/f', data=b'x\n'), 1, b'', '(--create), --wait waits')
    expect(command.run('receive', '--create', f'fifo:{folder}/none/f'), 1, b'',
           'its folder is not there')
    (folder / 'plain').write_text('')
    for verb in ['send', 'receive']:
        code, out, err = command.run(verb, f'fifo:{folder}/plain', data=b'x\n')
        assert code in (1, 2) and out == b'' and b'FIFO' in err, (code, out, err)


def socket_of(kind):
    def carries(command, folder):
        address = f'unix:{folder}/s?type={kind}'
        receiver = command.start('receive', '--listen', address)
        expect(command.run('send', '--wait', address, data=LINES), 0, b'')
        expect(command.finish(receiver), 0, LINES)
        assert not os.path.lexists(folder / 's')
    return carries


def datagrams_come_to_a_listener(command, folder):
    address = f'unix:{folder}/s?type=datagram'
    receiver = command.start('receive', '--listen', address, '--count', '2000')
    expect(command.run('send', '--wait', address, data=LINES), 0, b'')
    expect(command.finish(receiver), 0, LINES)
    assert not os.path.lexists(folder / 's')


def sender_may_listen(command, folder):
    address = f'unix:{folder}/s'
    sender = command.start('send', '--listen', address, '--data', 'hello')
    wait_for_path(folder / 's')
    expect(command.run('receive', address, '--wait'), 0, b'hello\n')
    expect(command.finish(sender), 0, b'')
    assert not os.path.lexists(folder / 's')


def abstract_sockets_need_no_path(command, folder):
    address = f'unix:@enlace-test-{os.getpid()}-{folder.name}'
    receiver = command.start('receive', '--listen', address)
    expect(command.run('send', '--wait', address, '--data', 'hello'), 0, b'')
    expect(command.finish(receiver), 0, b'hello\n')


def nobody_listening_says_what_to_do(command, folder):
    for verb in ['send', 'receive']:
        expect(command.run(verb, f'unix:{folder}/s', data=b'x\n'), 1, b'',
               '--listen makes this side listen, --wait waits for the other')
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(folder / 's'))
    left.close()
    expect(command.run('send', f'unix:{folder}/s', data=b'x\n'), 1, b'', '--listen makes this side')
    expect(command.run('send', f'unix:{folder}/s', '--wait', '--timeout', '50ms', data=b'x\n'), 1, b'',
           'enlace: send: ')


def waiting_at(child):
    """The address, with the port that the system chose, which a listener tells."""
    line = b''
    while not line.endswith(b'\n'):
        byte = os.read(child.stderr.fileno(), 1)
        assert byte, f'the errors ended after {line!r}'
        line += byte
    assert b': waits at ' in line, line
    return line.decode().split(' waits at ')[1].strip()


def tcp_carries_lines(command, _folder):
    for host in ['127.0.0.1', '[::1]']:
        if host == '[::1]' and not has_ipv6():
            continue
        receiver = command.start('receive', '--listen', f'tcp:{host}:0')
        address = waiting_at(receiver)
        expect(command.run('send', address, data=LINES), 0, b'')
        expect(command.finish(receiver), 0, LINES)
        expect(command.run('send', address, data=LINES), 1, b'', 'nobody listens at ' + address)


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(('::1', 0))
        return True
    except OSError:
        return False


def sender_may_listen_on_tcp(command, _folder):
    sender = command.start('send', '--listen', 'tcp:127.0.0.1:0', '--data', 'hello')
    expect(command.run('receive', waiting_at(sender)), 0, b'hello\n')
    expect(command.finish(sender), 0, b'')


def tcp_listener_keeps_serving(command, _folder):
    receiver = command.start('receive', '--listen', '--keep', 'tcp:127.0.0.1:0')
    address = waiting_at(receiver)
    for n in range(5):
        expect(command.run('send', address, '--data', f'{n}'), 0, b'')
        assert read_line(receiver) == b'%d\n' % n
    receiver.terminate()
    expect(command.finish(receiver), 0, b'')


def udp_carries_datagrams(command, _folder):
    receiver = command.start('receive', '--listen', 'udp:127.0.0.1:0')
    address = waiting_at(receiver)
    for n in range(20):
        expect(command.run('send', address, '--data', f'{n}'), 0, b'')
        assert read_line(receiver) == b'%d\n' % n
    receiver.terminate()
    expect(command.finish(receiver), 0, b'')


def two_listeners_are_one_too_many(command, folder):
    address = f'unix:{folder}/s'
    first = command.start('receive', '--listen', address)
    wait_for_listener(folder / 's')
    code, out, err = command.run('receive', '--listen', address)
    assert code == 1 and out == b'' and err.count(b'\n') == 1, (code, out, err)
    expect(command.run('send', '--wait', address, '--data', 'still there'), 0, b'')
    expect(command.finish(first), 0, b'still there\n')


def listener_waits_no_longer_than_told(command, folder):
    expect(command.run('receive', '--listen', f'unix:{folder}/s', '--timeout', '50ms'), 1, b'',
           'no peer came')
    assert not os.path.lexists(folder / 's')


def one_listener_keeps_serving_many(command, folder):
    address = f'unix:{folder}/s'
    receiver = command.start('receive', '--listen', '--keep', address)
    wait_for_path(folder / 's')
    # Some come while others are there, some after all others have left.
    idle = command.start('send', '--wait', address)
    idle.stdin.write(b'first\n')
    idle.stdin.flush()
    assert read_line(receiver) == b'first\n'
    for n in range(3):
        expect(command.run('send', '--wait', address, data=b''.join(b'%d-%d\n' % (n, i)
                                                                    for i in range(21))), 0, b'')
    expect(command.finish(idle, b'last\n'), 0, b'')
    out = [read_line(receiver).rstrip() for _ in range(64)]
    receiver.terminate()
    expect(command.finish(receiver), 0, b'')
    assert sorted(out) == sorted([b'%d-%d' % (n, i) for n in range(3) for i in range(21)]
                                 + [b'last']), out
    for n in range(3):
        mine = [line for line in out if line.startswith(b'%d-' % n)]
        assert mine == [b'%d-%d' % (n, i) for i in range(21)], mine
    assert not os.path.lexists(folder / 's')


def bad_peer_does_not_end_the_others(command, folder):
    path = folder / 's'
    receiver = command.start('receive', '--listen', '--keep', f'unix:{path}?frame=u32')
    wait_for_listener(path)
    with socket.socket(socket.AF_UNIX) as bad, socket.socket(socket.AF_UNIX) as good:
        bad.connect(str(path))
        good.connect(str(path))
        good.sendall(b'\0\0\0\3one')
        assert read_line(receiver) == b'one\n'
        bad.sendall(b'\xff' * 100)
        line = b''
        while not line.endswith(b'\n'):
            line += os.read(receiver.stderr.fileno(), 1)
        assert line.startswith(b'enlace: receive: '), line
        good.sendall(b'\0\0\0\3two')
        assert read_line(receiver) == b'two\n'
    receiver.terminate()
    expect(command.finish(receiver), 0, b'')


def sender_is_named_in_json(command, folder):
    address = f'unix:{folder}/s'
    receiver = command.start('receive', '--listen', '--json', address)
    sender = command.start('send', '--wait', address)
    expect(command.finish(sender, b'x\n'), 0, b'')
    row = json.loads(expect(command.finish(receiver), 0))
    assert row['sender']['pid'] == sender.pid, (row, sender.pid)
    assert row['sender']['uid'] == os.geteuid(), row
    assert row['data'] == 'x' and row['size'] == 1, row


def messages_walk_through_several_mechanisms(command, folder):
    out = expect(command.shell(
        'set -o pipefail; '
        '$enlace receive --listen unix:$d/s --json | $enlace send fifo:$d/f --json --create & '
        '$enlace receive fifo:$d/f --create --prefixed | '
        '$enlace send --prefixed "unix:$d/t?type=seqpacket" --wait & '
        '$enlace receive --listen "unix:$d/t?type=seqpacket" & last=$!; '
        'seq 500 | $enlace send unix:$d/s --wait && wait $last', d=folder), 0)
    assert out == b''.join(b'%d\n' % n for n in range(1, 501)), out[:100]


def pipes_of_the_shell_are_descriptors(command, _folder):
    out = expect(command.shell('seq 300 | $enlace send "fd:1?frame=u32" | '
                               '$enlace receive "fd:0?frame=u32" --json | '
                               '$enlace send fd:7 --json 7>&1 | $enlace receive fd:0'), 0)
    assert out == b''.join(b'%d\n' % n for n in range(1, 301)), out[:100]


def descriptor_that_is_no_link_is_refused(command, folder):
    for n, words in [('99', {}), ('0', {'stdin': open('/dev/null', 'rb')})]:
        code, out, err = command.run('receive', f'fd:{n}', **words)
        assert code in (1, 2) and out == b'' and err.count(b'\n') == 1, (n, code, out, err)
    expect(command.run('receive', 'pipe:'), 1, b'', 'fd:N')


def unframed_bytes_are_explained(command, folder):
    for address in ['fd:0', 'fd:0?writers=one']:
        expect(command.run('receive', address, data=b'hello\n'), 1, b'', '?frame=line or ?frame=raw')
    for data in [b'hello\n', b'\xff\xff\xff\xff']:
        code, out, err = command.run('receive', 'fd:0?frame=u32', data=data)
        assert code == 1 and out == b'' and b'?frame=' not in err, (code, out, err)
    expect(command.run('receive', f'unix:{folder}/s', '--create'), 2, b'', '--listen, not --create')


def timeouts_end_a_receiver(command, folder):
    os.mkfifo(folder / 'f')
    with open(folder / 'f', 'r+b', buffering=0) as both:
        address = f'fifo:{folder}/f?frame=line'
        expect(command.run('receive', address, '--timeout', '50ms'), 1, b'', 'nothing came')
        expect(command.run('receive', address, '--timeout', '0'), 1, b'', 'nothing is there')
        both.write(b'one\ntwo\n')
        expect(command.run('receive', address, '--timeout', '0'), 0, b'one\ntwo\n')
        both.write(b'one\ntwo\n')
        expect(command.run('receive', address, '--timeout', '0.05'), 1, b'one\ntwo\n',
               'after 2 messages')
        both.write(b'one\n')
        expect(command.run('receive', address, '-t', '0', '-n', '2'), 1, b'one\n',
               'after 1 of 2 messages')


def sender_without_space_times_out(command, folder):
    os.mkfifo(folder / 'f')
    with open(folder / 'f', 'r+b', buffering=0):
        code, out, err = command.shell('seq 1000000 | $enlace send fifo:$d/f --timeout 100ms; '
                                       'exit ${PIPESTATUS[1]}', d=folder)
        assert code == 1 and out == b'' and b'no space in time' in err, (code, out, err)


def sender_learns_that_its_receiver_has_gone(command, folder):
    address = f'unix:{folder}/s'
    receiver = command.start('receive', '--listen', '--count', '1', address)
    sender = command.start('send', '--wait', address)
    sender.stdin.write(b'one\n')
    sender.stdin.flush()
    expect(command.finish(receiver), 0, b'one\n')
    # Its input is still open and says nothing.
    code, err = sender.wait(LIMIT_S), sender.stderr.read()
    assert code == 1 and err.startswith(b'enlace: send: ') and err.count(b'\n') == 1, (code, err)


def receiver_learns_that_its_sender_was_killed(command, folder):
    address = f'unix:{folder}/s'
    receiver = command.start('receive', '--listen', address)
    sender = command.start('send', '--wait', address)
    sender.stdin.write(b'one\n')
    sender.stdin.flush()
    assert read_line(receiver) == b'one\n'
    sender.kill()
    code, out, err = command.finish(receiver)
    assert code in (0, 1) and out == b'', (code, out, err)


def lines_come_at_once(command, folder):
    address = f'fifo:{folder}/f'
    receiver = command.start('receive', '--create', address)
    sender = command.start('send', '--wait', address)
    for n in range(20):
        sender.stdin.write(b'%d\n' % n)
        sender.stdin.flush()
        assert read_line(receiver) == b'%d\n' % n
    expect(command.finish(sender), 0, b'')
    expect(command.finish(receiver), 0, b'')


if __name__ == '__main__':
    main([
        ('a FIFO carries lines', fifo_carries_lines),
        ('the sender may open a FIFO first', fifo_may_be_opened_by_the_sender_first),
        ('the sender of a FIFO waits no longer than told', fifo_sender_waits_no_longer_than_told),
        ('a FIFO that is not there says what to do', fifo_that_is_not_there_says_what_to_do),
        ('a stream socket carries lines', socket_of('stream')),
        ('a seqpacket socket carries lines', socket_of('seqpacket')),
        ('datagrams come to a listener', datagrams_come_to_a_listener),
        ('the sender may listen', sender_may_listen),
        ('abstract sockets need no path', abstract_sockets_need_no_path),
        ('TCP carries lines', tcp_carries_lines),
        ('the sender may listen on TCP', sender_may_listen_on_tcp),
        ('a TCP listener keeps serving', tcp_listener_keeps_serving),
        ('UDP carries datagrams', udp_carries_datagrams),
        ('nobody listening says what to do', nobody_listening_says_what_to_do),
        ('two listeners are one too many', two_listeners_are_one_too_many),
        ('a listener waits no longer than told', listener_waits_no_longer_than_told),
        ('one listener keeps serving many', one_listener_keeps_serving_many),
        ('a bad peer does not end the others', bad_peer_does_not_end_the_others),
        ('the sender is named in JSON', sender_is_named_in_json),
        ('messages walk through several mechanisms', messages_walk_through_several_mechanisms),
        ('pipes of the shell are descriptors', pipes_of_the_shell_are_descriptors),
        ('a descriptor that is no link is refused', descriptor_that_is_no_link_is_refused),
        ('bytes without frames are explained', unframed_bytes_are_explained),
        ('timeouts end a receiver', timeouts_end_a_receiver),
        ('a sender without space times out', sender_without_space_times_out),
        ('a sender learns that its receiver has gone', sender_learns_that_its_receiver_has_gone),
        ('a receiver learns that its sender was killed',
         receiver_learns_that_its_sender_was_killed),
        ('lines come at once', lines_come_at_once),
    ])
