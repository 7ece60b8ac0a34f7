// A QR code of a short text (an address with a code in it): bytes, correction level L, versions 1 to 10. Pure.

// By version: bytes of data, bytes of correction per block, blocks. Of versions 6 to 10 the last blocks are a byte longer.
const SIZES = [null, [19, 7, 1], [34, 10, 1], [55, 15, 1], [80, 20, 1], [108, 26, 1], [136, 18, 2], [156, 20, 2], [194, 24, 2], [232, 30, 2], [274, 18, 4]];
const ALIGNED = [null, [], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50]];
const MASKS = [
  (r, c) => (r + c) % 2 === 0, (r) => r % 2 === 0, (r, c) => c % 3 === 0, (r, c) => (r + c) % 3 === 0,
  (r, c) => (Math.floor(r / 2) + Math.floor(c / 3)) % 2 === 0, (r, c) => ((r * c) % 2) + ((r * c) % 3) === 0,
  (r, c) => (((r * c) % 2) + ((r * c) % 3)) % 2 === 0, (r, c) => (((r + c) % 2) + ((r * c) % 3)) % 2 === 0,
];
const [EXP, LOG] = [new Array(512), new Array(256)];
for (let power = 0, value = 1; power < 255; power += 1) {
  EXP[power] = EXP[power + 255] = value;
  LOG[value] = power;
  value = value & 128 ? (value << 1) ^ 0x11d : value << 1;
}
const times = (a, b) => (a === 0 || b === 0 ? 0 : EXP[LOG[a] + LOG[b]]);

/** Rows of booleans, true for dark; null where the text is too long. */
export function qr(text) {
  const bytes = [...new TextEncoder().encode(text)];
  const version = SIZES.findIndex((each, at) => each !== null && bytes.length + (at < 10 ? 2 : 3) <= each[0]);
  if (version < 0) return null;
  const words = interleaved(padded(bytes, version), version);
  const candidates = MASKS.map((mask, number) => drawn(words, version, mask, number));
  return candidates.reduce((best, each) => (penalty(each) < penalty(best) ? each : best));
}

function padded(bytes, version) {
  const bits = [];
  const push = (value, count) => { for (let at = count - 1; at >= 0; at -= 1) bits.push((value >> at) & 1); };
  push(4, 4);
  push(bytes.length, version < 10 ? 8 : 16);
  bytes.forEach((each) => push(each, 8));
  const room = SIZES[version][0] * 8;
  push(0, Math.min(4, room - bits.length));
  while (bits.length % 8) bits.push(0);
  for (let at = 0; bits.length < room; at += 1) push(at % 2 ? 0x11 : 0xec, 8);
  return Array.from({ length: room / 8 }, (_, at) => parseInt(bits.slice(at * 8, at * 8 + 8).join(""), 2));
}

function interleaved(data, version) {
  const [total, extra, count] = SIZES[version];
  const short = Math.floor(total / count);
  const longer = total % count;
  let begin = 0;
  const blocks = Array.from({ length: count }, (_, at) => {
    const length = short + (at >= count - longer ? 1 : 0);
    begin += length;
    return data.slice(begin - length, begin);
  });
  const corrections = blocks.map((each) => correction(each, extra));
  const column = (parts, length) => Array.from({ length }, (_, at) => parts.map((each) => each[at])).flat().filter((each) => each !== undefined);
  return [...column(blocks, short + 1), ...column(corrections, extra)];
}

/** What is left when the block is divided by the generator of so many roots. */
function correction(block, extra) {
  let generator = [1];
  for (let root = 0; root < extra; root += 1) {
    const next = [...generator, 0];
    generator.forEach((each, at) => { next[at + 1] ^= times(each, EXP[root]); });
    generator = next;
  }
  const rest = [...block, ...new Array(extra).fill(0)];
  block.forEach((_, at) => {
    const factor = rest[at];
    generator.forEach((each, offset) => { rest[at + offset] ^= times(each, factor); });
  });
  return rest.slice(block.length);
}

function drawn(words, version, mask, number) {
  const size = version * 4 + 17;
  const grid = Array.from({ length: size }, () => new Array(size).fill(null));
  const set = (row, column, dark) => { if (row >= 0 && column >= 0 && row < size && column < size) grid[row][column] = Boolean(dark); };
  const square = (row, column, reach, light) => {
    for (let r = -reach; r <= reach; r += 1) for (let c = -reach; c <= reach; c += 1) set(row + r, column + c, !light.includes(Math.max(Math.abs(r), Math.abs(c))));
  };
  for (const [row, column] of [[3, 3], [3, size - 4], [size - 4, 3]]) square(row, column, 4, [2, 4]);
  for (const row of ALIGNED[version]) for (const column of ALIGNED[version]) if (grid[row][column] === null) square(row, column, 2, [1]);
  for (let at = 8; at < size - 8; at += 1) for (const [row, column] of [[6, at], [at, 6]]) grid[row][column] ??= at % 2 === 0;
  set(size - 8, 8, true);
  format(set, size, number);
  if (version >= 7) versions(set, size, version);
  let at = 0;
  for (let right = size - 1, up = true; right > 0; right -= 2, up = !up) {
    if (right === 6) right -= 1; // the column of the clock
    for (let step = 0; step < size; step += 1) for (const column of [right, right - 1]) {
      const row = up ? size - 1 - step : step;
      if (grid[row][column] === null) {
        set(row, column, (((words[at >> 3] ?? 0) >> (7 - (at & 7))) & 1) !== Number(mask(row, column)));
        at += 1;
      }
    }
  }
  return grid;
}

function format(set, size, mask) {
  let rest = (1 << 3) | mask; // 01: level L
  for (let at = 0; at < 10; at += 1) rest = (rest << 1) ^ ((rest >> 9) * 0x537);
  const bits = ((((1 << 3) | mask) << 10) | rest) ^ 0x5412;
  for (let at = 0; at < 15; at += 1) {
    const dark = (bits >> at) & 1;
    set(at < 6 ? at : at < 8 ? at + 1 : size - 15 + at, 8, dark);
    set(8, at < 8 ? size - 1 - at : at === 8 ? 7 : 14 - at, dark);
  }
}

function versions(set, size, version) {
  let rest = version;
  for (let at = 0; at < 12; at += 1) rest = (rest << 1) ^ ((rest >> 11) * 0x1f25);
  for (let at = 0; at < 18; at += 1) {
    const dark = (((version << 12) | rest) >> at) & 1;
    const [a, b] = [Math.floor(at / 3), size - 11 + (at % 3)];
    set(a, b, dark);
    set(b, a, dark);
  }
}

/** How hard it would be to read: long runs, squares of one colour, an uneven share. */
function penalty(grid) {
  const size = grid.length;
  let sum = 0;
  for (const lines of [grid, grid.map((_, column) => grid.map((row) => row[column]))]) {
    for (const line of lines) {
      const text = line.map(Number).join("");
      for (const [run] of text.matchAll(/0{5,}|1{5,}/g)) sum += run.length - 2;
      sum += 40 * (text.match(/(?=00001011101|10111010000)/g) ?? []).length;
    }
  }
  for (let r = 1; r < size; r += 1) for (let c = 1; c < size; c += 1) {
    if (grid[r][c] === grid[r - 1][c] && grid[r][c] === grid[r][c - 1] && grid[r][c] === grid[r - 1][c - 1]) sum += 3;
  }
  const share = grid.flat().filter(Boolean).length / size / size;
  return sum + 10 * Math.floor(Math.abs(share - 0.5) * 20);
}
