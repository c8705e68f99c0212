"""Cuts a part out of a baseline JPEG without decoding its pixels, so without loss.

The coded blocks of 8 x 8 are kept as they are; only the difference of each block's mean to that of the
block before is coded anew, with the tables of Annex K. For files whose components all have the same
resolution, without restart markers, which is what the demo's picture is; others are refused.

Source: ITU-T T.81, sections B.2 and F.1.2, tables K.3 and K.4.
"""
MEANS = bytes.fromhex("00" "00010501010101010100000000000000" "000102030405060708090a0b")
MEANS_COLOUR = bytes.fromhex("01" "00030101010101010101010000000000" "000102030405060708090a0b")


def segment(marker, body):
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body


def codes(table):
    """A table's symbols with their codes: (length, code) of each."""
    counts, symbols = table[:16], table[16:]
    found, code, at = {}, 0, 0
    for length in range(1, 17):
        for _ in range(counts[length - 1]):
            found[symbols[at]] = (length, code)
            code, at = code + 1, at + 1
        code <<= 1
    return found


class Bits:
    """Entropy-coded bytes as one number, looked at from the front."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def peek(self, count):
        first = self.at >> 3
        window = int.from_bytes(self.data[first:first + 8].ljust(8, b"\0"), "big")
        return window >> (64 - (self.at & 7) - count) & ((1 << count) - 1)


def lookup(table):
    """What 16 bits begin with: (symbol, length)."""
    whole = [None] * 65536
    for symbol, (length, code) in codes(table).items():
        begin = code << (16 - length)
        whole[begin:begin + (1 << (16 - length))] = [(symbol, length)] * (1 << (16 - length))
    return whole


class Jpeg:
    """A file's tables, and of each block its mean and the rest as bits."""

    def __init__(self, file):
        self.kept, self.tables, at = b"", {}, 2
        while True:
            marker, size = file[at + 1], int.from_bytes(file[at + 2:at + 4], "big")
            if at + 2 + size > len(file) or file[at] != 0xFF:
                raise ValueError("crop JPEG: it is cut off")
            body = file[at + 4:at + 2 + size]
            if marker == 0xDB:
                self.kept += segment(marker, body)
            elif marker == 0xC0:
                self.frame = body
                if any(body[7 + 3 * i] != 0x11 for i in range(body[5])):
                    raise ValueError("crop JPEG: its components differ in resolution")
            elif marker == 0xC4:
                while body:
                    end = 17 + sum(body[1:17])
                    self.tables[body[0]], body = body[1:end], body[end:]
            elif marker == 0xDA:
                self.scan = body
                break
            elif marker in (0xC1, 0xC2, 0xC9, 0xCA, 0xDD):
                raise ValueError("crop JPEG: only baseline files without restart markers")
            at += 2 + size
        self.height, self.width = (int.from_bytes(self.frame[i:i + 2], "big") for i in (1, 3))
        end = file.rindex(b"\xff\xd9")
        self.read_blocks(file[at + 2 + size:end].replace(b"\xff\x00", b"\xff"))

    def read_blocks(self, data):
        bits, components = Bits(data), self.scan[0]
        choice = [self.scan[2 + 2 * i] for i in range(components)]
        means = [lookup(self.tables[c >> 4]) for c in choice]
        rests = [lookup(self.tables[16 | (c & 15)]) for c in choice]
        self.columns, rows = (self.width + 7) // 8, (self.height + 7) // 8
        before, self.blocks = [0] * components, []
        for _ in range(self.columns * rows):
            unit = []
            for i in range(components):
                size, length = means[i][bits.peek(16)]
                bits.at += length
                value = bits.peek(size) if size else 0
                bits.at += size
                before[i] += value if not size or value >> (size - 1) else value - (1 << size) + 1
                begin, at, rest = bits.at, 1, rests[i]
                while at < 64:
                    symbol, length = rest[bits.peek(16)]
                    bits.at += length + (symbol & 15)
                    at = 64 if symbol == 0 else at + (symbol >> 4) + 1
                unit.append((before[i], self.bits_of(data, begin, bits.at), bits.at - begin))
            self.blocks.append(unit)

    @staticmethod
    def bits_of(data, begin, end):
        whole = int.from_bytes(data[begin >> 3:(end + 7) >> 3], "big")
        return whole >> (-end % 8) & ((1 << (end - begin)) - 1)

    def crop(self, left, top, width, height):
        """The part as a file; all in pixels, multiples of 8."""
        components = self.scan[0]
        tables = [codes(MEANS[1:]), codes(MEANS_COLOUR[1:])]
        before, out = [0] * components, []
        for y in range(top // 8, (top + height) // 8):
            for x in range(left // 8, (left + width) // 8):
                for i, (mean, rest, length) in enumerate(self.blocks[y * self.columns + x]):
                    difference, before[i] = mean - before[i], mean
                    size = abs(difference).bit_length()
                    code_length, code = tables[min(i, 1)][size]
                    out.append(format(code, f"0{code_length}b"))
                    if size:
                        out.append(format(difference if difference > 0 else difference + (1 << size) - 1, f"0{size}b"))
                    if length:
                        out.append(format(rest, f"0{length}b"))
        text = "".join(out)
        text += "1" * (-len(text) % 8)
        coded = int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\x00")
        frame = self.frame[:1] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + self.frame[5:]
        rests = b"".join(bytes([key]) + table for key, table in self.tables.items() if key >= 16)
        scan = bytearray(self.scan)
        for i in range(components):
            scan[2 + 2 * i] = min(i, 1) << 4 | (scan[2 + 2 * i] & 15)
        return (b"\xff\xd8" + self.kept + segment(0xC0, frame) + segment(0xC4, MEANS + MEANS_COLOUR + rests)
                + segment(0xDA, bytes(scan)) + coded + b"\xff\xd9")
