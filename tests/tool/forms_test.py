#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The forms of messages on input and output: every one there and back, through enlace itself."""

import base64
import json
import random
import resource
import struct

from command import expect, main

# With one writer, messages may be larger than what a pipe takes at once.
FRAMED = 'fd:0?writers=one'
TO_FRAMED = 'fd:1?writers=one'


def frames(*messages):
    return b''.join(struct.pack('>I', len(m)) + m for m in messages)


def received(command, form, *messages, status=0):
    """What receive prints of messages that come framed on its standard input."""
    return expect(command.run('receive', FRAMED, *form, data=frames(*messages)), status)


def sent(command, form, data):
    """The messages that send makes of its input, as they leave it framed on standard output."""
    out = expect(command.run('send', TO_FRAMED, *form, data=data), 0)
    messages = []
    while out:
        size, = struct.unpack('>I', out[:4])
        messages.append(out[4:4 + size])
        out = out[4 + size:]
    return messages


def lines_are_messages(command, _folder):
    assert sent(command, [], b'one\n\ntwo words\nlast') == [b'one', b'', b'two words', b'last']
    assert sent(command, [], b'') == []
    assert sent(command, [], b'\n') == [b'']
    assert received(command, [], b'one', b'', b'two words') == b'one\n\ntwo words\n'


def many_and_long_lines_are_messages(command, _folder):
    lines = [b'x' * (n * 97 % 70000) for n in range(200)]
    assert sent(command, [], b'\n'.join(lines) + b'\n') == lines
    assert received(command, [], *lines) == b'\n'.join(lines) + b'\n'


def whole_input_is_one_message(command, _folder):
    data = bytes(range(256)) * 1000
    assert sent(command, ['--whole'], data) == [data]
    assert sent(command, ['--whole'], b'') == [b'']
    assert received(command, ['--whole'], data, b'and', b'more') == data + b'andmore'


def prefixed_messages_keep_every_byte(command, _folder):
    messages = [b'', b'\n', b'\0\1\2', b'x' * 100000, b'end']
    assert sent(command, ['--prefixed'], frames(*messages)) == messages
    assert received(command, ['--prefixed'], *messages) == frames(*messages)
    expect(command.run('send', 'fd:1', '--prefixed', data=frames(b'abc')[:-1]), 1, b'',
           'ends within a message')
    expect(command.run('send', 'fd:1', '--prefixed', data=b'\0\0'), 1, b'', 'ends within a message')
    expect(command.run('send', 'fd:1', '--prefixed', data=b'\xff\xff\xff\xff1234'), 1, b'',
           'message 1 of the input is larger than')


def hexadecimal_is_read_and_printed(command, _folder):
    assert received(command, ['--hex'], b'', b'\0\xff', b'hi') == b'\n00ff\n6869\n'
    assert sent(command, ['-x'], b'\n00fF\n68 69\t21\r\n') == [b'', b'\0\xff', b'hi!']
    for bad in [b'0', b'0g', b'6 8', b'0x00']:
        expect(command.run('send', 'fd:1', '--hex', data=b'00\n' + bad + b'\n'), 1, None,
               'line 2 of the input is not hexadecimal')


def json_is_a_line_for_each_message(command, _folder):
    messages = [b'text', 'ünï "q" \\ \n'.encode(), b'', b'\0nul', b'\xff\xfe', bytes(range(256))]
    rows = [json.loads(line) for line in received(command, ['--json'], *messages).splitlines()]
    assert [row['size'] for row in rows] == [len(m) for m in messages], rows
    back = [row['data'].encode() if 'data' in row else base64.b64decode(row['base64'], validate=True)
            for row in rows]
    assert back == messages, rows
    assert ['base64' in row for row in rows] == [False, False, False, False, True, True], rows
    assert not any('type' in row or 'priority' in row for row in rows), rows


def json_goes_there_and_back(command, _folder):
    random.seed(7)
    messages = [random.randbytes(n) for n in range(100)] + [b'text %d' % n for n in range(100)]
    printed = received(command, ['--json'], *messages)
    assert sent(command, ['--json'], printed) == messages


def json_keeps_what_the_mechanism_can(command, _folder):
    line = {'data': 'x', 'type': 7, 'priority': 3, 'sender': {'pid': 1}, 'size': 99, 'more': None}
    assert sent(command, ['--json'], json.dumps(line).encode()) == [b'x']


def malformed_json_is_explained(command, _folder):
    good = b'{"data":"x"}\n'
    for bad, why in [
            (b'{"data"', 'column'), (b'nonsense', 'column'), (b'', 'column'),
            (b'[1]', 'not an object'), (b'{}', 'one of "data" and "base64"'),
            (b'{"data":"x","base64":"eA=="}', 'one of "data" and "base64"'),
            (b'{"data":5}', '"data" is not a text'), (b'{"base64":"?"}', 'not base64'),
            (b'{"base64":"eA="}', 'not base64'), (b'{"base64":"e=A="}', 'not base64'),
            (b'{"data":"x","type":"y"}', '"type" is not an integer'),
            (b'{"data":"x","priority":-1}', '"priority" is not a number'),
            (b'{"data":"x","priority":4294967296}', '"priority" is not a number'),
            (b'{"data":"\xff"}', 'column'), (b'{"data":"x"} x', 'column'),
            (b'{"data":"x","data":"y"}', 'column')]:
        err = expect_failure(command, good + bad + b'\n')
        assert f'line 2 of the input is no message in JSON: ' in err and why in err, (bad, err)


def expect_failure(command, data):
    code, out, err = command.run('send', 'fd:1?frame=line', '--json', data=data)
    assert code == 1 and out == b'x\n', (code, out, err)
    assert err.count(b'\n') == 1, err
    return err.decode()


def bytes_without_boundaries_go_as_they_are(command, _folder):
    data = b'one\ntwo\n' + bytes(range(256)) * 2000
    assert expect(command.run('receive', 'fd:0?frame=raw', data=data), 0) == data
    assert expect(command.run('send', 'fd:1?frame=raw', data=data), 0) == data


def texts_are_sent_in_their_order(command, _folder):
    out = expect(command.run('send', 'fd:1?frame=line', '--data', 'one', '-d', '', '--data=two'), 0)
    assert out == b'one\n\ntwo\n', out
    out = expect(command.run('send', 'fd:1?frame=line', '-d', '--x', '-dhi', '-n', '5'), 0)
    assert out == b'--x\nhi\n--x\nhi\n--x\n', out


def file_is_one_message(command, folder):
    data = bytes(range(256)) * 3000
    path = folder / 'file'
    path.write_bytes(data)
    out = expect(command.run('send', TO_FRAMED, '--file', path), 0)
    assert out == frames(data)
    assert expect(command.run('send', TO_FRAMED, '-f', path, '-n2'), 0) == frames(data, data)
    path.write_bytes(b'')
    assert expect(command.run('send', 'fd:1', '--file', path), 0) == frames(b'')
    expect(command.run('send', 'fd:1', '--file', folder / 'none'), 1, b'', 'cannot open')
    expect(command.run('send', 'fd:1', '--file', folder), 1, b'', 'not a regular file')


def count_ends_both_sides(command, _folder):
    assert sent(command, ['--count', '2'], b'1\n2\n3\n') == [b'1', b'2']
    assert received(command, ['--count', '2'], b'1', b'2', b'3') == b'1\n2\n'
    code, out, err = command.run('send', 'fd:1?frame=line', '-n', '5', data=b'1\n2\n')
    assert code == 1 and out == b'1\n2\n' and b'ended after 2 of 5 messages' in err, (code, out, err)
    code, out, err = command.run('receive', FRAMED, '-n', '5', data=frames(b'1', b'2'))
    assert code == 1 and out == b'1\n2\n' and b'ended after 2 of 5 messages' in err, (code, out, err)


def messages_too_large_are_refused(command, folder):
    expect(command.run('send', 'fd:1?message=10', data=b'0123456789\n'), 0, frames(b'0123456789'))
    for words, data in [([], b'0123456789a\n'), (['--whole'], b'0123456789a'),
                        (['--hex'], b'00' * 11), (['--json'], b'{"data":"0123456789a"}'),
                        (['--data', '0123456789a'], b'')]:
        code, out, err = command.run('send', 'fd:1?message=10', *words, data=data)
        assert code == 1 and out == b'' and err.count(b'\n') == 1, (words, code, out, err)
        assert b'10' in err, err
    (folder / 'file').write_bytes(b'0123456789a')
    expect(command.run('send', 'fd:1?message=10', '--file', folder / 'file'), 1, b'', '10')


def endless_input_costs_bounded_memory(command, _folder):
    for form in [[], ['--whole'], ['--hex'], ['--json']]:
        zeros = command.spawn(['head', '-c', '1G', '/dev/zero'])
        sender = command.start('send', 'fd:1?message=64k&writers=one', *form, stdin=zeros.stdout)
        expect(command.finish(sender), 1, b'', 'larger than')
        zeros.stdout.close()
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert most < 200 * 1024, f'{most} KiB'


def garbage_frames_are_refused(command, _folder):
    code, out, err = command.run('receive', FRAMED, data=frames(b'good') + b'\xff\xff\xff\xffbad')
    assert code == 1 and out == b'good\n' and err.count(b'\n') == 1, (code, out, err)
    code, out, err = command.run('receive', FRAMED, data=frames(b'good') + frames(b'cut')[:-1])
    assert code == 1 and out == b'good\n' and err.count(b'\n') == 1, (code, out, err)


def metadata_needs_a_mechanism_that_has_it(command, _folder):
    expect(command.run('send', 'fd:1', '--type', '5', data=b'x\n'), 2, b'', 'no type')
    expect(command.run('send', 'fd:1', '--priority', '5', data=b'x\n'), 2, b'', 'no priority')
    expect(command.run('receive', FRAMED, '--type', '<=5', data=frames(b'x')), 2, b'', 'no type')


if __name__ == '__main__':
    main([
        ('lines are messages', lines_are_messages),
        ('many and long lines are messages', many_and_long_lines_are_messages),
        ('--whole makes the input one message', whole_input_is_one_message),
        ('--prefixed keeps every byte', prefixed_messages_keep_every_byte),
        ('hexadecimal is read and printed', hexadecimal_is_read_and_printed),
        ('JSON is a line for each message', json_is_a_line_for_each_message),
        ('JSON goes there and back', json_goes_there_and_back),
        ('JSON keeps what the mechanism can', json_keeps_what_the_mechanism_can),
        ('malformed JSON is explained', malformed_json_is_explained),
        ('bytes without boundaries go as they are', bytes_without_boundaries_go_as_they_are),
        ('--data sends texts in their order', texts_are_sent_in_their_order),
        ('--file sends a file as one message', file_is_one_message),
        ('--count ends both sides', count_ends_both_sides),
        ('messages that are too large are refused', messages_too_large_are_refused),
        ('an endless message costs bounded memory', endless_input_costs_bounded_memory),
        ('garbage is refused after what was good', garbage_frames_are_refused),
        ('metadata needs a mechanism that has it', metadata_needs_a_mechanism_that_has_it),
    ])
