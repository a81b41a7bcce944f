#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Each example does what its expected output says, also with peers that know nothing of enlace:
examples_test.py FOLDER-OF-BUILT-EXAMPLES"""

import contextlib
import os
import re
import select
import signal
import socket
import stat
import sys

import programs as examples
from programs import ROOT, expect, expected, finish, main, printed, wait_until

SOURCES = sorted((ROOT / 'examples').glob('*.c'))
# Those that have tests of their own below, for they need an address or a peer; all others run as they are.
WITH_PEERS = {'answer_queues', 'answer_types', 'daemon', 'echo_client', 'echo_server', 'echo_sockets', 'fifo_open',
              'fifo_reader', 'fifo_writer', 'init', 'mq', 'unix_datagram', 'unix_stream', 'worker'}
ALONE = [source.stem for source in SOURCES if source.stem not in WITH_PEERS]


def shell(programs, script, **variables):
    words = [f'{name}={value}' for name, value in variables.items()]
    return programs.spawn(['env', *words, 'sh', '-c', script])


def is_fifo(path):
    return path.exists() and stat.S_ISFIFO(path.stat().st_mode)


def connect(path, kind=socket.SOCK_STREAM):
    peer = socket.socket(socket.AF_UNIX, kind)
    peer.settimeout(examples.LIMIT_S)
    peer.connect(str(path))
    return peer


def answer(peer, text):
    """Sends text and receives as many bytes."""
    got = b''
    peer.sendall(text)
    while len(got) < len(text):
        piece = peer.recv(65536)
        assert piece, f'the end came after {len(got)} of {len(text)} bytes'
        got += piece
    return got


# ---- one program --------------------------------------------------------------------------------------


def runs_alone(name):
    return lambda programs, folder: expect(programs.run(name), expected(name))


def runs_at_an_address(name, scheme, options=''):
    def check(programs, folder):
        path = folder / 'name'
        expect(programs.run(name, f'{scheme}:{path}{options}'), expected(name))
        assert not path.exists(), 'the name is left'
    return check


def mq_runs(programs, folder):
    expect(programs.run('mq', f'mq:/enlace-test-{os.getpid()}?depth=4'), expected('mq'))


def regions_run(name, address):
    def check(programs, folder):
        there = address.format(folder=folder, number=os.getpid(), key=116420000 + os.getpid())
        for _ in range(2):  # nothing is left that would be in the way
            expect(programs.run(name, there), expected(name))
        assert not list(folder.iterdir()), 'a name is left'
    return check


def mapped_file_tells_times(programs, folder):
    text = programs.run('mapped_file', ROOT / 'README.md')
    size = (ROOT / 'README.md').stat().st_size
    assert text.startswith(f'{size} bytes, '), text
    assert re.search(r'^by reading \d+\.\d\d ms, by mapping \d+\.\d\d ms$', text, re.M), text


# An example of regions is shown on every kind of memory that it can be in.
REGIONS = ['shm:/enlace-test-{number}', 'svshm:{key}', 'file:{folder}/region']
WITH_REGIONS = ['region', 'data_race', 'intermediate_file', 'producer_consumer', 'survivor']
SEMAPHORES = ['svsem:{key}', 'shm:/enlace-test-{number}', 'file:{folder}/turns']


def queues_of_answers_run(questions, answers):
    def check(programs, folder):
        here = {'folder': folder, 'number': os.getpid()}
        addresses = [questions.format(**here), answers.format(**here)]
        expect(programs.run('answer_queues', *addresses), expected('answer_queues'))
        assert not list(folder.iterdir()), 'a name is left'
        expect(programs.run('answer_queues', *addresses), expected('answer_queues'))  # nothing else is
    return check


def types_of_answers_run(programs, folder):
    for _ in range(2):
        expect(programs.run('answer_types', f'svmsg:{folder}#1'), expected('answer_types'))


def capabilities_of_any_address(programs, folder):
    text = programs.run('capabilities', 'unix:?frame=raw', 'unix:?type=seqpacket')
    assert re.search(r'^unix:\?frame=raw\n(?:  .*\n)*?  messages or a stream of bytes\? a stream$', text,
                     re.M), text
    assert 'variable, up to 131072 bytes' in text
    text = finish(programs.start('capabilities', 'unix:?frame=rwa'), 1)
    assert 'did you mean "raw"?' in text, text


# ---- FIFO: two programs, and programs of the shell ------------------------------------------------------


def writer_waits_for_a_reader(programs, folder):
    path = folder / 'f'
    address = f'fifo:{path}?frame=line'
    writer = programs.start('fifo_writer', address)
    wait_until(lambda: is_fifo(path), 'the writer has made the FIFO')
    expect(programs.run('fifo_reader', address), expected('fifo_reader'))
    expect(finish(writer), expected('fifo_writer'))
    assert not path.exists(), 'the reader leaves the FIFO'


def reader_waits_for_a_writer(programs, folder):
    path = folder / 'f'
    address = f'fifo:{path}?frame=line'
    reader = programs.start('fifo_reader', address)
    wait_until(lambda: is_fifo(path), 'the reader has made the FIFO')
    expect(programs.run('fifo_writer', address), expected('fifo_writer'))
    expect(finish(reader), expected('fifo_reader'))


def cat_writes_to_the_reader(programs, folder):
    reader = programs.start('fifo_reader', f'fifo:{folder}/f?frame=line')
    wait_until(lambda: is_fifo(folder / 'f'), 'the reader has made the FIFO')
    finish(shell(programs, 'printf "one\\ntwo\\nthree\\n" | cat > "$f"', f=folder / 'f'))
    expect(finish(reader), expected('fifo_reader'))


def cat_reads_from_the_writer(programs, folder):
    writer = programs.start('fifo_writer', f'fifo:{folder}/f?frame=line')
    wait_until(lambda: is_fifo(folder / 'f'), 'the writer has made the FIFO')
    expect(finish(programs.spawn(['cat', folder / 'f'])), 'one\ntwo\nthree\n')
    expect(finish(writer), expected('fifo_writer'))


# ---- a worker -------------------------------------------------------------------------------------------


def worker_ends_with_its_jobs(programs, folder):
    child = shell(programs, 'printf "a.png\\n\\nb.png\\n" | $worker',
                  worker=' '.join([*examples.WRAPPER, str(programs.folder / 'worker')]))
    expect(finish(child), expected('worker'))


def worker_says_what_is_wrong(programs, folder):
    text = finish(programs.start('worker', 'fd:0?frame=line'), 1)
    expect(text, 'open: descriptor 0 is a device or terminal: no mechanism of enlace\n')


def worker_ends_on_sigterm(programs, folder):
    worker = programs.start('worker', f'fifo:{folder}/jobs?frame=line&keep')
    wait_until(lambda: is_fifo(folder / 'jobs'), 'the worker has made the FIFO')
    for job in ['a.png', 'b.png']:  # each from a writer of its own, that leaves
        finish(shell(programs, 'echo "$job" > "$f"', job=job, f=folder / 'jobs'))
    wait_until(lambda: 'b.png' in printed(worker), 'the jobs are done')
    worker.send_signal(signal.SIGTERM)
    expect(finish(worker), 'resized a.png\nresized b.png\nasked to end\n')


# ---- a server of many clients ---------------------------------------------------------------------------


def listens(path):
    """As the kernel's table tells, without a connection of our own."""
    with open('/proc/net/unix', encoding='utf-8', errors='replace') as table:
        return any(words[-1] == str(path) and int(words[3], 16) & 0x10000  # __SO_ACCEPTCON
                   for words in map(str.split, table) if words[0] != 'Num')


def start_server(programs, path, clients, options='?frame=line', name='echo_server'):
    scheme = 'unix:' if name == 'echo_server' else ''
    server = programs.start(name, f'{scheme}{path}{options}', clients)
    wait_until(lambda: listens(path), 'the server listens')
    return server


def serves_many_clients_at_once(programs, folder):
    server = start_server(programs, folder / 's', 20)
    peers = [connect(folder / 's') for _ in range(20)]
    for turn in range(3):
        for number, peer in enumerate(peers):
            text = f'client {number}, turn {turn}\n'.encode()
            assert answer(peer, text) == text
    for peer in peers:
        peer.close()
    expect(finish(server), expected('echo_server'))
    assert not (folder / 's').exists(), 'the name is left'


def send_what_fits(peer, data):
    sent = 0
    peer.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while sent < len(data):
            sent += peer.send(data[sent:sent + 65536])
    peer.settimeout(examples.LIMIT_S)
    return sent


def read_back(peer, rest, size):
    """Receives size bytes, while it sends the rest of what they are the answer to."""
    got = b''
    while len(got) < size:
        readable, writable, _ = select.select([peer], [peer] if rest else [], [], examples.LIMIT_S)
        assert readable or writable, f'{len(got)} of {size} bytes came, then nothing'
        if writable:
            rest = rest[peer.send(rest[:4096], socket.MSG_DONTWAIT):]
        if readable:
            piece = peer.recv(65536)
            assert piece, f'the end came after {len(got)} of {size} bytes'
            got += piece
    return got


def serves_others_while_one_does_not_read(programs, folder):
    server = start_server(programs, folder / 's', 2)
    deaf, other = connect(folder / 's'), connect(folder / 's')
    lines = b''.join(b'%9999d\n' % number for number in range(1000))
    sent = send_what_fits(deaf, lines)
    assert sent < len(lines), 'the server reads on although nobody takes its answers'
    assert answer(other, b'still there?\n') == b'still there?\n'
    other.close()
    assert read_back(deaf, lines[sent:], len(lines)) == lines
    deaf.close()
    expect(finish(server), expected('echo_server'))


def keeps_boundaries_for_python(programs, folder):
    server = start_server(programs, folder / 's', 1, '?type=seqpacket')
    peer = connect(folder / 's', socket.SOCK_SEQPACKET)
    peer.send(b'one')
    peer.send(b'and two')
    assert [peer.recv(100), peer.recv(100)] == [b'one', b'and two']
    peer.close()
    expect(finish(server), expected('echo_server'))


def sends_the_last_answer_to_who_only_reads_on(programs, folder):
    server = start_server(programs, folder / 's', 1)
    peer = connect(folder / 's')
    text = b'y' * 900000 + b'\n'
    peer.sendall(text)
    peer.shutdown(socket.SHUT_WR)
    got = b''
    while piece := peer.recv(65536):
        got += piece
    assert got == text, f'{len(got)} bytes came back, not {len(text)}'
    peer.close()
    expect(finish(server), expected('echo_server'))


def clients_meet_a_server(scheme, options=''):
    def check(programs, folder):
        address = f'{scheme}:{folder / "s"}{options}'
        server = programs.start('echo_server', address, '3')
        clients = [programs.start('echo_client', address) for _ in range(3)]
        for client in clients:
            expect(finish(client), expected('echo_client'))
        expect(finish(server), expected('echo_server'))
        assert not list(folder.iterdir()), 'a name is left'
    return check


def bare_sockets_echo(programs, folder):
    server = start_server(programs, folder / 's', 1, '', 'echo_sockets')
    peer = connect(folder / 's')
    assert answer(peer, b'hello') == b'hello'
    peer.close()
    expect(finish(server), expected('echo_sockets'))


def lines_of_code(name):
    text = (ROOT / 'examples' / f'{name}.c').read_text(encoding='utf-8')
    text = re.sub(r'/\*.*?\*/', '', text, flags=re.S)
    return sum(1 for line in text.splitlines() if line.strip())


def server_is_a_dozen_lines_longer_than_bare_sockets(programs, folder):
    ours, bare = lines_of_code('echo_server'), lines_of_code('echo_sockets')
    assert ours <= bare + 12, f'{ours} lines, over bare sockets {bare}'


# ---- processes ------------------------------------------------------------------------------------------


def init_starts_a_failing_service_again(programs, folder):
    expect(finish(programs.start('init', 'sh', '-c', 'exit 3'), 3), expected('init'))
    assert lines_of_code('init') < 100


def init_stops_in_order_and_collects_orphans(programs, folder):
    script = '(sh -c "exit 0" &) ; trap "echo stopping; exit 0" TERM; echo up; while :; do sleep 0.02; done'
    init = programs.start('init', 'sh', '-c', script)
    wait_until(lambda: 'up' in printed(init) and 'orphan' in printed(init), 'the service is up')
    init.send_signal(signal.SIGTERM)
    text = finish(init)
    assert 'stopping\n' in text and text.endswith('init: the service exited with 0\n'), text


def init_passes_signals_on(programs, folder):
    script = 'exec 2> /dev/null; trap "echo hup; kill -USR1 $PPID" HUP; trap "echo usr1; kill -INT $PPID" USR1; ' \
             'trap "echo stopping; exit 5" TERM; kill -HUP $PPID; while :; do sleep 0.02; done'
    text = finish(programs.start('init', 'sh', '-c', script), 5)
    expect(text, 'hup\nusr1\nstopping\ninit: the service exited with 5\n')


def init_is_pid_1(programs, folder):
    if os.geteuid() != 0:
        return  # only root makes a pid namespace everywhere
    words = [*examples.WRAPPER, str(programs.folder / 'init'), 'sh', '-c', 'echo parent $PPID; exit 0']
    text = finish(programs.spawn(['unshare', '--pid', '--fork', *words]))
    expect(text, 'parent 1\ninit: the service exited with 0\n')
    words[-1] = 'exec 2> /dev/null; trap "echo stopping; exit 7" TERM; kill -TERM 1; while :; do sleep 0.02; done'
    text = finish(programs.spawn(['unshare', '--pid', '--fork', *words]), 7)
    expect(text, 'stopping\ninit: the service exited with 7\n')


def daemon_says_when_it_is_ready(programs, folder):
    expect(programs.run('daemon', folder / 'd'), expected('daemon'))
    peer = connect(folder / 'd')
    assert answer(peer, b'hello\n') == b'hello\n'
    peer.close()
    wait_until(lambda: not (folder / 'd').exists(), 'the daemon has ended')
    text = finish(programs.start('daemon', '/no/such/folder/d'), 1)
    assert 'cannot open the directory' in text, text


# ---- the folder -----------------------------------------------------------------------------------------


def each_example_is_whole(programs, folder):
    build = (ROOT / 'examples' / 'meson.build').read_text(encoding='utf-8')
    listed = (ROOT / 'examples' / 'README.md').read_text(encoding='utf-8')
    assert SOURCES, 'no examples found'
    for source in SOURCES:
        text = source.read_text(encoding='utf-8')
        assert f"'{source.name}'" in build, f'{source.name} is not built'
        assert f']({source.name})' in listed, f'README.md does not list {source.name}'
        assert source.with_suffix('.expected').exists(), f'{source.stem}.expected is missing'
        assert text.startswith('/* SPDX-License-Identifier: MIT */\n/* '), f'{source.name}: no head'
        for header in re.findall(r'#include "?<?([^">]+)', text):
            assert header == 'enlace/enlace.h' or not header.startswith(('enlace', '.', 'link',
                                                                         'kernel', 'base')), \
                f'{source.name} includes {header}'
        if 'echo_sockets' not in source.name:
            assert 'enl_error_text()' in text, f'{source.name} does not say what failed'


if __name__ == '__main__':
    main(sys.argv[1], [
        ('each example is built, expected and public', each_example_is_whole),
        *((f'{name} runs', runs_alone(name)) for name in ALONE),
        ('mq runs', mq_runs),
        ('a file is processed both ways, with times', mapped_file_tells_times),
        *((f'{name} runs at {address}', regions_run(name, address))
          for name in WITH_REGIONS for address in REGIONS),
        *((f'semaphore_named runs at {address}', regions_run('semaphore_named', address))
          for address in SEMAPHORES),
        ('POSIX queues of answers run', queues_of_answers_run(
            'mq:/enlace-questions-{number}', 'mq:/enlace-answers-{number}-')),
        ('System V queues of answers run', queues_of_answers_run('svmsg:{folder}#1', 'svmsg:{folder}#1')),
        ('FIFOs of answers run', queues_of_answers_run('fifo:{folder}/q', 'fifo:{folder}/a')),
        ('types of answers run', types_of_answers_run),
        ('unix_stream runs at a path', runs_at_an_address('unix_stream', 'unix')),
        ('unix_datagram runs at a path',
         runs_at_an_address('unix_datagram', 'unix', '?type=datagram')),
        ('fifo_open runs at a path', runs_at_an_address('fifo_open', 'fifo')),
        ('capabilities of any address', capabilities_of_any_address),
        ('a FIFO writer waits for a reader', writer_waits_for_a_reader),
        ('a FIFO reader waits for a writer', reader_waits_for_a_writer),
        ('cat writes to a FIFO reader', cat_writes_to_the_reader),
        ('cat reads from a FIFO writer', cat_reads_from_the_writer),
        ('a worker ends with its jobs', worker_ends_with_its_jobs),
        ('a worker says what is wrong', worker_says_what_is_wrong),
        ('a worker ends on SIGTERM', worker_ends_on_sigterm),
        ('a server serves many clients at once', serves_many_clients_at_once),
        ('a server serves others while one does not read', serves_others_while_one_does_not_read),
        ('a server keeps boundaries for Python', keeps_boundaries_for_python),
        ('a server answers who only reads on', sends_the_last_answer_to_who_only_reads_on),
        ('init starts a failing service again', init_starts_a_failing_service_again),
        ('init stops in order and collects orphans', init_stops_in_order_and_collects_orphans),
        ('init passes signals on', init_passes_signals_on),
        ('init is pid 1', init_is_pid_1),
        ('a daemon says when it is ready', daemon_says_when_it_is_ready),
        ('clients of channels meet one epoll loop', clients_meet_a_server('channel')),
        ('clients of UNIX sockets meet the same loop', clients_meet_a_server('unix', '?type=seqpacket')),
        ('bare sockets echo', bare_sockets_echo),
        ('the server is a dozen lines longer than one over bare sockets',
         server_is_a_dozen_lines_longer_than_bare_sockets),
    ])
