#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Queues from the shell: peers that know nothing of enlace, metadata on its way, limits, and stopping."""

import contextlib
import ctypes
import json
import os
import signal
import time

from command import LIMIT_S, expect, main, tap, wait_until

try:
    import sysv_ipc
except ImportError:
    sysv_ipc = None

LIBC = ctypes.CDLL(None if hasattr(ctypes.CDLL(None), 'mq_unlink') else 'librt.so.1')


@contextlib.contextmanager
def posix_queue(word):
    """A name that nobody else has; the queue is removed in the end."""
    name = f'/enlace-test-{os.getpid()}-{word}'
    try:
        yield 'mq:' + name
    finally:
        LIBC.mq_unlink(name.encode())


@contextlib.contextmanager
def system_v_queue(folder):
    """A queue of Python's, and its address: that of the folder and a number."""
    if sysv_ipc is None:
        raise tap.Skip('python3-sysv-ipc is missing')
    queue = sysv_ipc.MessageQueue(sysv_ipc.ftok(str(folder), 1, silence_warning=True), sysv_ipc.IPC_CREX, 0o600)
    try:
        yield queue, f'svmsg:{folder}#1'
    finally:
        with contextlib.suppress(sysv_ipc.ExistentialError):
            queue.remove()


def lines(out):
    return [json.loads(line) for line in out.splitlines()]


# ---- System V ------------------------------------------------------------------------------------


def python_sends_and_the_command_receives(command, folder):
    with system_v_queue(folder) as (queue, address):
        queue.send(b'seven', type=7)
        queue.send(b'two', type=2)
        queue.send(b'')
        out = expect(command.run('receive', address, '--json', '--count', '3'), 0)
        assert [(m['type'], m['data']) for m in lines(out)] == [(7, 'seven'), (2, 'two'), (1, '')], out


def the_command_sends_and_python_receives(command, folder):
    with system_v_queue(folder) as (queue, address):
        expect(command.run('send', address, '--type', '7', '--data', 'seven', '--data', 'too'), 0)
        expect(command.run('send', address, '--data', 'untyped'), 0)
        assert queue.receive(type=1) == (b'untyped', 1)
        assert queue.receive(type=-9) == (b'seven', 7)
        assert queue.receive() == (b'too', 7)


def a_type_is_chosen(command, folder):
    with system_v_queue(folder) as (queue, address):
        for number in (5, 3, 9, 3):
            queue.send(str(number).encode(), type=number)
        for wanted, got in [('9', '9'), ('<=4', '3'), ('!5', '3'), ('<=9', '5')]:
            expect(command.run('receive', address, '--type', wanted, '--count', '1'), 0,
                   f'{got}\n'.encode())
        expect(command.run('receive', address, '--type', '1', '--timeout', '10ms', '--count', '1'), 1,
               b'', '')


def a_key_is_a_number(command, folder):
    with system_v_queue(folder) as (queue, _):
        key = queue.key & 0xffffffff
        for address in (f'svmsg:{key}', f'svmsg:0x{key:x}'):
            expect(command.run('send', address, '--data', 'x'), 0)
        assert queue.current_messages == 2


def a_queue_that_is_removed_ends_its_receiver(command, folder):
    with system_v_queue(folder) as (queue, address):
        receiver = command.start('receive', address)
        await_sleep(receiver, 'msgrcv')
        queue.remove()
        expect(command.finish(receiver), 1, b'', 'removed')


# ---- POSIX ---------------------------------------------------------------------------------------


def the_highest_priority_comes_first(command, _folder):
    with posix_queue('q') as address:
        expect(command.run('send', '--create', address, '--data', 'later'), 0)
        expect(command.run('send', address, '--priority', '9', '--data', 'first'), 0)
        expect(command.run('send', address, '--priority', '5', '--data', 'soon'), 0)
        out = expect(command.run('receive', address, '--json', '--count', '3'), 0)
        assert [(m['priority'], m['data']) for m in lines(out)] == \
            [(9, 'first'), (5, 'soon'), (0, 'later')], out


def a_limit_is_named(command, _folder):
    most = int(open('/proc/sys/fs/mqueue/msg_max', encoding='ascii').read())
    with posix_queue('q') as address:
        result = command.run('send', '--create', f'{address}?depth={most + 1}', '--data', 'x')
        if result[0] == 0 and os.geteuid() == 0:
            return  # with CAP_SYS_RESOURCE there is no such limit
        expect(result, 2, b'', f'fs.mqueue.msg_max={most + 1}')


# ---- between queues --------------------------------------------------------------------------------


def move(command, source, target, count):
    receiver = command.start('receive', source, '--json', '--count', str(count))
    sender = command.start('send', target, '--json', stdin=receiver.stdout)
    expect(command.finish(sender), 0)
    assert receiver.wait(LIMIT_S) == 0


def priorities_move_with_their_messages(command, _folder):
    with posix_queue('from') as source, posix_queue('to') as target:
        for address in (source, target):
            expect(command.run('send', '--create', address, '--count', '1', data=b'filler\n'), 0)
            expect(command.run('receive', address, '--count', '1'), 0)
        for number in range(5):
            expect(command.run('send', source, '--priority', str(number), '--data', f'm{number}'), 0)
        move(command, source, target, 5)
        out = expect(command.run('receive', target, '--json', '--count', '5'), 0)
        assert [(m['priority'], m['data']) for m in lines(out)] == \
            [(number, f'm{number}') for number in range(4, -1, -1)], out


def types_move_with_their_messages(command, folder):
    (folder / 'other').mkdir()
    with system_v_queue(folder) as (source, address), \
            system_v_queue(folder / 'other') as (target, other), posix_queue('between') as between:
        expect(command.run('send', '--create', between, '--data', 'x'), 0)
        expect(command.run('receive', between, '--count', '1'), 0)
        source.send(b'seven', type=7)
        source.send(bytes(range(256)), type=8)
        move(command, address, other, 2)
        assert target.receive() == (b'seven', 7)
        assert target.receive() == (bytes(range(256)), 8)
        source.send(b'no type there', type=7)
        move(command, address, between, 1)
        move(command, between, other, 1)
        assert target.receive() == (b'no type there', 1)


# ---- stopping --------------------------------------------------------------------------------------


def await_sleep(child, where):
    """Until it sleeps in the kernel; where it tells, in a function that is named so."""
    def sleeps():
        try:
            with open(f'/proc/{child.pid}/wchan', encoding='ascii') as file:
                name = file.read()
            with open(f'/proc/{child.pid}/stat', encoding='ascii') as file:
                state = file.read().rsplit(')', 1)[1].split()[0]
        except OSError:
            return False
        return state == 'S' and (where in name or name in ('', '0'))
    wait_until(sleeps, f'process {child.pid} sleeps')
    time.sleep(0.01)


def a_signal_ends_a_receiver(command, folder):
    with system_v_queue(folder) as (queue, address), posix_queue('q') as other:
        expect(command.run('send', '--create', other, '--data', 'x'), 0)
        expect(command.run('receive', other, '--count', '1'), 0)
        for number in (signal.SIGINT, signal.SIGTERM):
            for way, where in [((address,), 'msgrcv'), ((address, '--timeout', '60s'), ''),
                               ((other,), ''), ((other, '--timeout', '60s'), '')]:
                receiver = command.start('receive', *way)
                await_sleep(receiver, where)
                receiver.send_signal(number)
                expect(command.finish(receiver), 0, b'')
        assert queue.current_messages == 0


def a_signal_ends_a_sender_that_finds_no_room(command, folder):
    with system_v_queue(folder) as (queue, address):
        sender = command.start('send', address, '--data', 'x' * 1000, '--count', '1000')
        wait_until(lambda: queue.current_messages * 1000 + 1000 > queue.max_size, 'the queue is full')
        await_sleep(sender, 'msgsnd')
        sender.send_signal(signal.SIGTERM)
        expect(command.finish(sender), 1, b'', 'interrupted')


if __name__ == '__main__':
    main([
        ('Python sends and the command receives', python_sends_and_the_command_receives),
        ('the command sends and Python receives', the_command_sends_and_python_receives),
        ('a type is chosen', a_type_is_chosen),
        ('a key is a number', a_key_is_a_number),
        ('a queue that is removed ends its receiver', a_queue_that_is_removed_ends_its_receiver),
        ('the highest priority comes first', the_highest_priority_comes_first),
        ('a limit is named', a_limit_is_named),
        ('priorities move with their messages', priorities_move_with_their_messages),
        ('types move with their messages', types_move_with_their_messages),
        ('a signal ends a receiver', a_signal_ends_a_receiver),
        ('a signal ends a sender that finds no room', a_signal_ends_a_sender_that_finds_no_room),
    ])
