#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""`enlace receive A --json | enlace send B --json` between every two mechanisms: nothing is lost, nothing is doubled,
and types and priorities are kept where both have them."""

import base64
import contextlib
import ctypes
import json
import os
import pathlib
import signal
import struct

from command import LIMIT_S, expect, main, wait_until

LIBC = ctypes.CDLL(None if hasattr(ctypes.CDLL(None), 'mq_unlink') else 'librt.so.1')
NUMBER = signal.SIGRTMIN + 1
REMOVE = 0  # IPC_RMID
TEXTS = [b'', b'x', b'two\nlines', 'grüße'.encode(), bytes(range(256)), b'\0' * 1000, b'{"data":"no"}', b'y' * 4000]
NUMBERS = [struct.pack('=Q', n) for n in (1, 2, 3, 2**31, 2**32 - 1)]


class End:
    """A mechanism, from its receiver's side: how the shell makes it, how others reach it, what it keeps."""
    keeps = ()       # of type and priority
    words = None     # the address to receive at
    options = ()     # and with what
    numbers = False  # its messages are numbers of eight bytes
    ends = False     # a receiver is told that its last sender has left; else it counts

    def __init__(self, folder, word):
        self.folder, self.word, self.stack = folder, f'{os.getpid()}-{word}', contextlib.ExitStack()
        self.passed = {}    # for the receiver's process
        self.passed_on = {}  # for the sender's
        self.open()

    def open(self):
        """Makes what must be there before anybody starts."""

    def target(self, _receiver):
        """Where to send, once the receiver was started."""
        return self.words

    def after_start(self):
        """Once both processes have what they need."""


class Pipe(End):
    ends = True

    def open(self):
        self.words = 'fd:0?frame=u32'
        self.reading, self.writing = os.pipe()
        self.stack.callback(self.after_start)
        self.passed, self.passed_on = {'stdin': self.reading}, {'stdout': self.writing}

    def target(self, _receiver):
        return 'fd:1?frame=u32'

    def after_start(self):
        for fd in (self.reading, self.writing):
            if fd >= 0:
                os.close(fd)
        self.reading = self.writing = -1


class Fifo(End):
    options = ('--create',)
    ends = True

    def open(self):
        self.words = f'fifo:{self.folder}/{self.word}'


class Listener(End):
    options = ('--listen',)
    pattern = ''

    def open(self):
        self.words = self.pattern.format(path=f'{self.folder}/{self.word}')

    def target(self, receiver):
        if not self.words.endswith(':0'):
            return self.words
        line = b''
        while not line.endswith(b'\n'):
            byte = os.read(receiver.stderr.fileno(), 1)
            assert byte, f'the errors ended after {line!r}'
            line += byte
        return line.decode().split(' waits at ')[1].strip()


def listener(pattern, ends=True):
    return type('Listener', (Listener,), {'pattern': pattern, 'ends': ends})


class PosixQueue(End):
    options = ('--create',)
    keeps = ('priority',)

    def open(self):
        name = f'/enlace-test-{self.word}'
        self.words = 'mq:' + name
        self.stack.callback(LIBC.mq_unlink, name.encode())


class SystemVQueue(End):
    options = ('--create',)
    keeps = ('type',)

    def open(self):
        path = self.folder / self.word
        path.touch()
        self.words = f'svmsg:{path}#1'
        self.stack.callback(self.remove, LIBC.ftok(str(path).encode(), 1))

    @staticmethod
    def remove(key):
        LIBC.msgctl(LIBC.msgget(key, 0), REMOVE, None)


class Signals(End):
    keeps = ('type',)  # with more than one name: of one, every message is the same
    numbers = True

    def open(self):
        self.words = f'signal:{NUMBER},{NUMBER + 1}'

    def target(self, receiver):
        wait_until(lambda: self.receives(receiver.pid), 'the receiver has blocked its signals')
        return f'{self.words}?pid={receiver.pid}'

    @staticmethod
    def receives(pid):
        with contextlib.suppress(OSError):  # it may be about to start, or a descriptor about to close
            return any(os.readlink(entry) == 'anon_inode:[signalfd]'
                       for entry in pathlib.Path(f'/proc/{pid}/fd').iterdir())
        return False


class Counter(End):
    """What is sent while a number waits is added to it: as the source it holds one number, and the sum at the end
    is what was lost or not."""
    numbers = True

    def open(self):
        self.fd = os.eventfd(0, os.EFD_CLOEXEC)
        self.stack.callback(os.close, self.fd)
        self.words = f'fd:{self.fd}'
        self.passed = self.passed_on = {'pass_fds': [self.fd]}


MECHANISMS = {
    'pipe': Pipe,
    'fifo': Fifo,
    'stream': listener('unix:{path}'),
    'seqpacket': listener('unix:{path}?type=seqpacket'),
    'datagram': listener('unix:{path}?type=datagram', ends=False),
    'tcp': listener('tcp:127.0.0.1:0'),
    'udp': listener('udp:127.0.0.1:0', ends=False),
    'mq': PosixQueue,
    'svmsg': SystemVQueue,
    'channel': listener('channel:{path}'),
    'eventfd': Counter,
    'signal': Signals,
}


def messages(source, target):
    """What is sent, with every kind of metadata. Lower and lower priorities keep the order."""
    plain = NUMBERS if source.numbers or target.numbers else TEXTS
    if isinstance(source, Counter):
        plain = plain[-1:]
    fixed = isinstance(source, Signals) or isinstance(target, Signals)
    return [{'base64': base64.b64encode(data).decode(), 'type': NUMBER if fixed else number + 1,
             'priority': len(plain) - number} for number, data in enumerate(plain)]


def content(row):
    return base64.b64decode(row['base64']) if 'base64' in row else row['data'].encode()


def start_last(command, target, count):
    counts = () if target.ends else ('--count', str(count))
    return command.start('receive', target.words, *target.options, '--json', *counts, **target.passed)


def send_all(command, end, receiver, count, **options):
    """Ends with the last message, and does not look whether the receiver, which counts too, is still there."""
    return command.start('send', end.target(receiver), '--json', '--wait', '--timeout', f'{LIMIT_S}s', '--count', str(count),
                         **options, **end.passed_on)


def walk(command, source, target):
    sent = messages(source, target)
    last = None
    if not isinstance(target, Counter):  # what comes there is only complete when all of it has come
        last = start_last(command, target, len(sent))
    middle = command.start('receive', source.words, *source.options, '--json', '--count', str(len(sent)),
                           **source.passed)
    feeder = send_all(command, source, middle, len(sent))
    source.after_start()
    mover = send_all(command, target, last, len(sent), stdin=middle.stdout)
    target.after_start()
    expect(command.finish(feeder, ''.join(json.dumps(row) + '\n' for row in sent).encode()), 0)
    expect(command.finish(mover), 0)
    assert middle.wait(LIMIT_S) == 0, middle.stderr.read()
    if last is None:
        last = start_last(command, target, 1)
    came = [json.loads(line) for line in expect(command.finish(last), 0).splitlines()]
    compare(source, target, sent, came)


def compare(source, target, sent, came):
    if isinstance(target, Counter):
        total = sum(struct.unpack('=Q', content(row))[0] for row in sent)
        assert [content(row) for row in came] == [struct.pack('=Q', total)], came
        return
    assert [content(row) for row in came] == [content(row) for row in sent], came
    for name in ('type', 'priority'):
        if name in source.keeps and name in target.keeps:
            assert [row[name] for row in came] == [row[name] for row in sent], came


def walks_from(name):
    """From one mechanism to each of all, itself too."""
    def check(command, folder):
        for number, other in enumerate(MECHANISMS):
            source = MECHANISMS[name](folder, f'{number}-from')
            with source.stack:
                target = MECHANISMS[other](folder, f'{number}-to')
                with target.stack:
                    try:
                        walk(command, source, target)
                    except AssertionError as error:
                        raise AssertionError(f'{name} to {other}: {error}') from error
    return check


def many_messages_walk_through_all(command, folder):
    """More than any of them holds: each waits for the next one."""
    names = [name for name, kind in MECHANISMS.items() if not kind.numbers and name != 'udp']
    data = b''.join(b'message %d\n' % n for n in range(3000))
    with contextlib.ExitStack() as stack:
        ends = [MECHANISMS[name](folder, f'{name}-walk') for name in names]
        for end in ends:
            stack.enter_context(end.stack)
        counts = [() if end.ends else ('--count', '3000') for end in ends]
        receiver = last = command.start('receive', ends[-1].words, *ends[-1].options, *counts[-1], **ends[-1].passed)
        movers = []
        for end, count, following in reversed(list(zip(ends, counts, ends[1:]))):
            before = command.start('receive', end.words, *end.options, '--json', *count, **end.passed)
            movers.append(send_all(command, following, receiver, 3000, stdin=before.stdout))
            following.after_start()
            receiver = before
        feeder = command.start('send', ends[0].target(receiver), '--wait', '--count', '3000', **ends[0].passed_on)
        ends[0].after_start()
        expect(command.finish(feeder, data), 0)
        expect(command.finish(last), 0, data)
        for mover in movers:
            expect(command.finish(mover), 0)


if __name__ == '__main__':
    main([('many messages walk through all mechanisms', many_messages_walk_through_all)] + [(f'messages walk from {name} to every mechanism', walks_from(name)) for name in MECHANISMS])
