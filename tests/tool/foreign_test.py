#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Peers that know nothing of enlace: cat, dd, nc, socat, and Python's sockets, in both directions."""

import os
import shutil
import socket
import threading

import command as commands
from command import expect, main, wait_for_listener, wait_until

TEXT = b''.join(b'line %d\n' % n for n in range(5000))


def needs(program):
    if not shutil.which(program):
        raise commands.tap.Skip(f'{program} is not installed')


def cat_writes_into_a_fifo(command, folder):
    for frame in ['line', 'raw']:
        receiver = command.start('receive', '--create', f'fifo:{folder}/{frame}?frame={frame}')
        expect(command.shell('until [ -p $f ]; do sleep 0.01; done; cat > $f', TEXT,
                             f=folder / frame), 0, b'')
        expect(command.finish(receiver), 0, TEXT)


def cat_reads_from_a_fifo(command, folder):
    for frame in ['line', 'raw']:
        path = folder / frame
        os.mkfifo(path)
        reader = command.spawn(['cat', path])
        expect(command.run('send', f'fifo:{path}?frame={frame}', data=TEXT), 0, b'')
        expect(command.finish(reader), 0, TEXT)


def dd_moves_blocks_through_a_fifo(command, folder):
    data = os.urandom(300000)
    with open(folder / 'came', 'wb') as came:
        receiver = command.start('receive', '--create', f'fifo:{folder}/a?frame=raw', stdout=came)
    wait_until((folder / 'a').exists, 'the FIFO is there')
    code, _, err = command.finish(command.spawn(['dd', f'of={folder}/a', 'bs=7000']), data)
    assert code == 0, err
    expect(command.finish(receiver), 0)
    assert (folder / 'came').read_bytes() == data
    os.mkfifo(folder / 'b')
    reader = command.spawn(['dd', f'if={folder}/b', f'of={folder}/went', 'bs=777', 'status=none'])
    expect(command.run('send', f'fifo:{folder}/b?frame=raw', data=data), 0, b'')
    expect(command.finish(reader), 0, b'')
    assert (folder / 'went').read_bytes() == data


def nc_connects_to_a_listener(command, folder):
    needs('nc')
    receiver = command.start('receive', '--listen', f'unix:{folder}/s?frame=line')
    wait_for_listener(folder / 's')
    expect(command.finish(command.spawn(['nc', '-N', '-U', folder / 's']), TEXT), 0, b'')
    expect(command.finish(receiver), 0, TEXT)


def nc_listens_for_a_sender(command, folder):
    needs('nc')
    listener = command.spawn(['nc', '-l', '-U', folder / 's'], stdin=open('/dev/null', 'rb'))
    wait_for_listener(folder / 's')
    expect(command.run('send', f'unix:{folder}/s?frame=raw', data=TEXT), 0, b'')
    expect(command.finish(listener), 0, TEXT)


def nc_is_served_by_a_sender(command, folder):
    needs('nc')
    sender = command.start('send', '--listen', f'unix:{folder}/s?frame=line')
    wait_for_listener(folder / 's')
    reader = command.spawn(['nc', '-U', folder / 's'], stdin=silent_input())
    expect(command.finish(sender, TEXT), 0, b'')
    expect(command.finish(reader), 0, TEXT)


def silent_input():
    """An input that stays open and silent for as long as the test's process holds the other end."""
    reading, _held = os.pipe()
    return os.fdopen(reading, 'rb')


def socat_is_a_peer_of_each_type(command, folder):
    needs('socat')
    for number, (kind, types) in enumerate([('stream', 1), ('seqpacket', 5)]):
        frame = '&frame=line' if kind == 'stream' else ''
        path = folder / f'to-{kind}'
        receiver = command.start('receive', '--listen', f'unix:{path}?type={kind}{frame}')
        wait_for_listener(path)
        expect(command.finish(command.spawn(
            ['socat', '-u', '-', f'UNIX-CONNECT:{path},type={types}']), b'hello\n'), 0, b'')
        expect(command.finish(receiver), 0, b'hello\n' if kind == 'stream' else b'hello\n\n')
        path = folder / f'from-{kind}'
        reader = command.spawn(['socat', '-u', f'UNIX-LISTEN:{path},type={types}', '-'])
        wait_for_listener(path)
        expect(command.run('send', f'unix:{path}?type={kind}{frame}', '--data', 'hi'), 0, b'')
        expect(command.finish(reader), 0, b'hi\n' if kind == 'stream' else b'hi')


def socat_sends_and_receives_datagrams(command, folder):
    needs('socat')
    path = folder / 'a'
    receiver = command.start('receive', '--listen', f'unix:{path}?type=datagram', '--count', '1')
    wait_for_listener(path)
    expect(command.finish(command.spawn(['socat', '-u', '-', f'UNIX-SENDTO:{path}']), b'hello'), 0)
    expect(command.finish(receiver), 0, b'hello\n')


def python_sends_to_a_listener(command, folder):
    for kind, number in [('stream', socket.SOCK_STREAM), ('seqpacket', socket.SOCK_SEQPACKET),
                         ('datagram', socket.SOCK_DGRAM)]:
        path = folder / kind
        frame = '&frame=line' if kind == 'stream' else ''
        receiver = command.start('receive', '--listen', f'unix:{path}?type={kind}{frame}',
                                 '--count', '2')
        wait_for_listener(path)
        with socket.socket(socket.AF_UNIX, number) as peer:
            peer.connect(str(path))
            for word in [b'one', b'two']:
                peer.sendall(word + (b'\n' if kind == 'stream' else b''))
            expect(command.finish(receiver), 0, b'one\ntwo\n')


def python_receives_from_a_sender(command, folder):
    for kind, number in [('stream', socket.SOCK_STREAM), ('seqpacket', socket.SOCK_SEQPACKET),
                         ('datagram', socket.SOCK_DGRAM)]:
        path = folder / kind
        frame = '&frame=line' if kind == 'stream' else ''
        with socket.socket(socket.AF_UNIX, number) as peer:
            peer.settimeout(commands.LIMIT_S)
            peer.bind(str(path))
            if kind != 'datagram':
                peer.listen()
            sender = command.start('send', f'unix:{path}?type={kind}{frame}', '--data', 'hello')
            link = peer if kind == 'datagram' else peer.accept()[0]
            with link:
                assert link.recv(100) == (b'hello\n' if kind == 'stream' else b'hello'), kind
                expect(command.finish(sender), 0, b'')


def port_of(child):
    """The port of a listener of ours at tcp:127.0.0.1:0 or udp:127.0.0.1:0."""
    line = b''
    while not line.endswith(b'\n'):
        byte = os.read(child.stderr.fileno(), 1)
        assert byte, f'the errors ended after {line!r}'
        line += byte
    return int(line.split(b':')[-1])


def python_is_a_peer_over_tcp(command, _folder):
    receiver = command.start('receive', '--listen', 'tcp:127.0.0.1:0?frame=line')
    with socket.create_connection(('127.0.0.1', port_of(receiver)), commands.LIMIT_S) as peer:
        peer.sendall(TEXT)
    expect(command.finish(receiver), 0, TEXT)
    with socket.create_server(('127.0.0.1', 0)) as listener:
        listener.settimeout(commands.LIMIT_S)
        sender = command.start('send', f'tcp:127.0.0.1:{listener.getsockname()[1]}?frame=line',
                               '--data', 'hello')
        link, _ = listener.accept()
        with link, link.makefile('rb') as stream:
            link.settimeout(commands.LIMIT_S)
            assert stream.read() == b'hello\n'
    expect(command.finish(sender), 0, b'')


def nc_is_a_peer_over_tcp(command, _folder):
    needs('nc')
    receiver = command.start('receive', '--listen', 'tcp:127.0.0.1:0?frame=raw')
    expect(command.finish(command.spawn(['nc', '-N', '127.0.0.1', port_of(receiver)]), TEXT), 0, b'')
    expect(command.finish(receiver), 0, TEXT)


def python_is_a_peer_over_udp(command, _folder):
    receiver = command.start('receive', '--listen', 'udp:127.0.0.1:0', '--count', '2', '--hex')
    port = port_of(receiver)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.settimeout(commands.LIMIT_S)
        peer.bind(('127.0.0.1', 0))
        for data in [b'\0\xff', b'']:
            peer.sendto(data, ('127.0.0.1', port))
        expect(command.finish(receiver), 0, b'00ff\n\n')
        expect(command.run('send', f'udp:127.0.0.1:{peer.getsockname()[1]}', '--data', 'hello'), 0,
               b'')
        assert peer.recv(100) == b'hello'


def peer_that_only_listens_is_not_gone(command, folder):
    """A peer that will send nothing any more (a half-closed socket) may still receive."""
    path = folder / 's'
    with socket.socket(socket.AF_UNIX) as listener:
        listener.settimeout(commands.LIMIT_S)
        listener.bind(str(path))
        listener.listen()
        sender = command.start('send', f'unix:{path}?frame=line')
        link, _ = listener.accept()
        with link:
            link.settimeout(commands.LIMIT_S)
            link.shutdown(socket.SHUT_WR)
            sender.stdin.write(b'one\n')
            sender.stdin.flush()
            assert link.recv(100) == b'one\n'
            sender.stdin.write(b'two\n')
            sender.stdin.flush()
            assert link.recv(100) == b'two\n'
            expect(command.finish(sender), 0, b'')


def descriptors_that_come_along_are_closed(command, folder):
    path = folder / 's'
    receiver = command.start('receive', '--listen', f'unix:{path}?type=seqpacket', '--json')
    wait_for_listener(path)
    reading, writing = os.pipe()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
        peer.connect(str(path))
        socket.send_fds(peer, [b'take this'], [writing])
        os.close(writing)
        line = commands.read_line(receiver)
        assert b'"data":"take this"' in line, line
        # Nobody holds the writing end any more: the end of the pipe is seen.
        done = []
        reader = threading.Thread(target=lambda: done.append(os.read(reading, 1)), daemon=True)
        reader.start()
        reader.join(commands.LIMIT_S)
        assert done == [b''], done
    os.close(reading)
    expect(command.finish(receiver), 0, b'')


if __name__ == '__main__':
    main([
        ('cat writes into a FIFO', cat_writes_into_a_fifo),
        ('cat reads from a FIFO', cat_reads_from_a_fifo),
        ('dd moves blocks through a FIFO', dd_moves_blocks_through_a_fifo),
        ('nc connects to a listener', nc_connects_to_a_listener),
        ('nc listens for a sender', nc_listens_for_a_sender),
        ('nc is served by a sender', nc_is_served_by_a_sender),
        ('socat is a peer of each type', socat_is_a_peer_of_each_type),
        ('socat sends datagrams', socat_sends_and_receives_datagrams),
        ('Python sends to a listener', python_sends_to_a_listener),
        ('Python receives from a sender', python_receives_from_a_sender),
        ('Python is a peer over TCP', python_is_a_peer_over_tcp),
        ('nc is a peer over TCP', nc_is_a_peer_over_tcp),
        ('Python is a peer over UDP', python_is_a_peer_over_udp),
        ('a peer that only listens is not gone', peer_that_only_listens_is_not_gone),
        ('descriptors that come along are closed', descriptors_that_come_along_are_closed),
    ])
