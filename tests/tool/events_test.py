#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Signals and eventfds from the shell, with peers that know nothing of enlace: kill and Python."""

import contextlib
import json
import os
import pathlib
import signal
import struct

from command import expect, main, read_line, wait_until

NUMBER = signal.SIGRTMIN + 1


def receives(pid):
    """Whether a process has blocked its signals and polls them: before that, they would end it. (Its mask does not
    say so: a thread that sleeps for signals shows them as unblocked.)"""
    with contextlib.suppress(OSError):  # it may be about to start, or a descriptor about to close
        for entry in pathlib.Path(f'/proc/{pid}/fd').iterdir():
            if os.readlink(entry) == 'anon_inode:[signalfd]':
                return True
    return False


def start_receiver(command, names, *options):
    receiver = command.start('receive', f'signal:{names}', *options)
    wait_until(lambda: receives(receiver.pid), 'the receiver has blocked its signals')
    return receiver


def kill_and_python_send_signals(command, folder):
    receiver = start_receiver(command, f'USR1,{NUMBER}', '--json', '--count', '2')
    expect(command.finish(command.spawn(['kill', '-USR1', receiver.pid])), 0, b'')
    assert json.loads(read_line(receiver))['type'] == signal.SIGUSR1
    os.kill(receiver.pid, NUMBER)
    code, out, err = command.finish(receiver)
    assert (code, err) == (0, b''), (code, err)
    assert json.loads(out)['type'] == NUMBER


def python_receives_signals(command, folder):
    numbers = {NUMBER, signal.SIGUSR2}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        for number in sorted(numbers):
            value = struct.pack('P', 7).hex().encode() + b'\n'
            expect(command.run('send', f'signal:{number}?pid={os.getpid()}', '--hex', data=value), 0, b'')
            info = signal.sigtimedwait(numbers, 10)
            assert info is not None and info.si_signo == number, info
            assert info.si_uid == os.getuid(), info
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def signals_go_from_command_to_command(command, folder):
    receiver = start_receiver(command, NUMBER, '--hex', '--count', '3')
    values = b''.join(struct.pack('P', n).hex().encode() + b'\n' for n in (1, 2, 2**31))
    expect(command.run('send', f'signal:{NUMBER}?pid={receiver.pid}', '--hex', data=values), 0, b'')
    expect(command.finish(receiver), 0, values)


def mistakes_are_explained(command, folder):
    expect(command.run('receive', 'signal:TREM'), 2, b'', 'did you mean "TERM"?')
    expect(command.run('receive', 'signal:KILL'), 2, b'', 'cannot be received')
    expect(command.run('send', 'signal:USR1', data=b''), 2, b'', 'pid=N')
    ended = command.spawn(['true'])
    expect(command.finish(ended), 0)
    code, out, err = command.run('send', f'signal:CONT?pid={ended.pid}', data=b'')
    assert code == 1 and out == b'' and err != b'', (code, out, err)


def python_shares_an_eventfd(command, folder):
    fd = os.eventfd(3, os.EFD_CLOEXEC)
    try:
        expect(command.run('receive', f'fd:{fd}', '--hex', '--count', '1', pass_fds=[fd]),
               0, struct.pack('=Q', 3).hex().encode() + b'\n')
        numbers = b''.join(struct.pack('=Q', n).hex().encode() + b'\n' for n in (5, 6))
        expect(command.run('send', f'fd:{fd}', '--hex', data=numbers, pass_fds=[fd]), 0, b'')
        assert os.eventfd_read(fd) == 11
        most = struct.pack('=Q', 2**64 - 1).hex().encode() + b'\n'
        expect(command.run('send', f'fd:{fd}', '--hex', data=most, pass_fds=[fd]), 1, b'', '18446744073709551614')
    finally:
        os.close(fd)


if __name__ == '__main__':
    main([
        ('kill and Python send signals', kill_and_python_send_signals),
        ('Python receives signals', python_receives_signals),
        ('signals go from command to command', signals_go_from_command_to_command),
        ('mistakes are explained', mistakes_are_explained),
        ('Python shares an eventfd', python_shares_an_eventfd),
    ])
