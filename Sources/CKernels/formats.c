/* File formats and packed tiles: sizes, conversion of single numbers, repacking. */
#include "internal.h"

#include <string.h>

float ck_half_to_float(ck_half half) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16;
  uint32_t exponent = (half >> 10) & 0x1f;
  uint32_t fraction = half & 0x3ff;
  if (exponent == 0) {
    float magnitude = (float)fraction * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  uint32_t bits = exponent == 31 ? 0x7f800000u | fraction << 13
                                 : (exponent + 112) << 23 | fraction << 13;
  return bits_to_float(sign | bits);
}

ck_half ck_float_to_half(float value) {
  uint32_t bits = float_to_bits(value);
  ck_half sign = (ck_half)(bits >> 16 & 0x8000);
  uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00 | (ck_half)(magnitude >> 13 & 0x1ff);
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    /* Subnormal: adding 0.5 shifts the fraction into place and rounds to even. */
    float shifted = bits_to_float(magnitude) + 0.5f;
    return sign | (ck_half)(float_to_bits(shifted) - 0x3f000000);
  }
  uint32_t odd = magnitude >> 13 & 1;
  return sign | (ck_half)((magnitude + 0xfff + odd - 0x38000000) >> 13);
}

size_t ck_block_size(ck_format format) {
  return format == CK_FORMAT_Q4_K || format == CK_FORMAT_Q6_K ? CK_SUPERBLOCK : CK_BLOCK;
}

size_t ck_row_size(ck_format format, size_t columns) {
  switch (format) {
  case CK_FORMAT_F32: return columns * 4;
  case CK_FORMAT_F16:
  case CK_FORMAT_BF16: return columns * 2;
  case CK_FORMAT_Q4_0: return columns / CK_BLOCK * 18;
  case CK_FORMAT_Q4_1: return columns / CK_BLOCK * 20;
  case CK_FORMAT_Q5_0: return columns / CK_BLOCK * 22;
  case CK_FORMAT_Q8_0: return columns / CK_BLOCK * 34;
  case CK_FORMAT_Q4_K: return columns / CK_SUPERBLOCK * 144;
  case CK_FORMAT_Q6_K: return columns / CK_SUPERBLOCK * 210;
  }
  return 0;
}

ck_packing ck_packing_for(ck_format format) {
  switch (format) {
  case CK_FORMAT_F32: return CK_PACKING_FLOAT;
  case CK_FORMAT_F16: return CK_PACKING_HALF;
  case CK_FORMAT_BF16: return CK_PACKING_BRAIN;
  case CK_FORMAT_Q4_0:
  case CK_FORMAT_Q4_1:
  case CK_FORMAT_Q4_K: return CK_PACKING_CODES4;
  case CK_FORMAT_Q5_0:
  case CK_FORMAT_Q8_0: return CK_PACKING_CODES8;
  case CK_FORMAT_Q6_K: return CK_PACKING_FINE8;
  }
  return CK_PACKING_FLOAT;
}

int ck_has_codes(ck_packing packing) {
  return packing == CK_PACKING_CODES4 || packing == CK_PACKING_CODES8 ||
         packing == CK_PACKING_FINE8;
}

size_t ck_tile_size(ck_packing packing, size_t columns) {
  size_t blocks = columns / CK_BLOCK;
  size_t size = 0;
  switch (packing) {
  case CK_PACKING_CODES4: size = blocks * 320; break;
  case CK_PACKING_CODES8: size = blocks * 544; break;
  case CK_PACKING_HALF:
  case CK_PACKING_BRAIN: size = columns * CK_TILE * 2; break;
  case CK_PACKING_FLOAT: size = columns * CK_TILE * 4; break;
  case CK_PACKING_FINE8: size = columns / CK_SUPERBLOCK * (4096 + 256 + 32); break;
  }
  return (size + 63) / 64 * 64;
}

static ck_half read_half(const uint8_t *bytes) {
  return (ck_half)(bytes[0] | bytes[1] << 8);
}

/* A Q5_0 block as signed codes -16...15. */
static void q5_codes(int8_t *codes, const uint8_t *block) {
  uint32_t high;
  memcpy(&high, block + 2, 4);
  for (size_t i = 0; i < 16; i++) {
    codes[i] = (int8_t)(((block[6 + i] & 15) | (high >> i & 1) << 4) - 16);
    codes[16 + i] = (int8_t)((block[6 + i] >> 4 | (high >> (16 + i) & 1) << 4) - 16);
  }
}

/* Scale s (0...63) and minimum t of block b of a Q4_K superblock. The last four of each keep their
 * upper two bits in the spare ones of the first four. */
static void q4_k_scales(const uint8_t *superblock, size_t b, uint8_t *s, uint8_t *t) {
  const uint8_t *packed = superblock + 4;
  if (b < 4) {
    *s = packed[b] & 63;
    *t = packed[b + 4] & 63;
  } else {
    *s = (uint8_t)((packed[b + 4] & 15) | (packed[b - 4] >> 6) << 4);
    *t = (uint8_t)(packed[b + 4] >> 4 | (packed[b] >> 6) << 4);
  }
}

/* Block b of a Q4_K superblock as codes 0...15. Blocks lie in pairs, the second in the upper
 * nibbles of the first's bytes. */
static void q4_k_codes(uint8_t *codes, const uint8_t *superblock, size_t b) {
  const uint8_t *nibbles = superblock + 16 + b / 2 * 32;
  for (size_t i = 0; i < CK_BLOCK; i++) codes[i] = b % 2 ? nibbles[i] >> 4 : nibbles[i] & 15;
}

/* Block b of a Q6_K superblock as signed codes -32...31. Four blocks share 64 bytes of nibbles
 * and 32 of upper bits. */
static void q6_k_codes(int8_t *codes, const uint8_t *superblock, size_t b) {
  const uint8_t *nibbles = superblock + b / 4 * 64 + b % 2 * 32;
  const uint8_t *upper = superblock + 128 + b / 4 * 32;
  for (size_t i = 0; i < CK_BLOCK; i++) {
    int low = b % 4 < 2 ? nibbles[i] & 15 : nibbles[i] >> 4;
    codes[i] = (int8_t)((low | (upper[i] >> (2 * (b % 4)) & 3) << 4) - 32);
  }
}

static void dequantise_q4_k(float *out, const uint8_t *superblock) {
  float d = ck_half_to_float(read_half(superblock));
  float m = ck_half_to_float(read_half(superblock + 2));
  for (size_t b = 0; b < CK_SUPERBLOCK / CK_BLOCK; b++, out += CK_BLOCK) {
    uint8_t codes[CK_BLOCK], s, t;
    q4_k_scales(superblock, b, &s, &t);
    q4_k_codes(codes, superblock, b);
    float scale = d * (float)s, minimum = m * (float)t;
    for (size_t i = 0; i < CK_BLOCK; i++) out[i] = scale * (float)codes[i] - minimum;
  }
}

static void dequantise_q6_k(float *out, const uint8_t *superblock) {
  const int8_t *scales = (const int8_t *)superblock + 192;
  float d = ck_half_to_float(read_half(superblock + 208));
  for (size_t b = 0; b < CK_SUPERBLOCK / CK_BLOCK; b++, out += CK_BLOCK) {
    int8_t codes[CK_BLOCK];
    q6_k_codes(codes, superblock, b);
    for (size_t i = 0; i < CK_BLOCK; i++)
      out[i] = d * (float)scales[2 * b + i / 16] * (float)codes[i];
  }
}

static void dequantise_block(float *out, const uint8_t *block, ck_format format) {
  float d = ck_half_to_float(read_half(block));
  int8_t codes[CK_BLOCK];
  switch (format) {
  case CK_FORMAT_Q4_0:
  case CK_FORMAT_Q4_1: {
    int has_minimum = format == CK_FORMAT_Q4_1;
    float m = has_minimum ? ck_half_to_float(read_half(block + 2)) : -8 * d;
    const uint8_t *nibbles = block + (has_minimum ? 4 : 2);
    for (size_t i = 0; i < 16; i++) {
      out[i] = d * (float)(nibbles[i] & 15) + m;
      out[16 + i] = d * (float)(nibbles[i] >> 4) + m;
    }
    return;
  }
  case CK_FORMAT_Q5_0:
    q5_codes(codes, block);
    break;
  case CK_FORMAT_Q8_0:
    memcpy(codes, block + 2, CK_BLOCK);
    break;
  default:
    return;
  }
  for (size_t i = 0; i < CK_BLOCK; i++) out[i] = d * (float)codes[i];
}

void ck_dequantise(float *out, const void *row, ck_format format, size_t columns) {
  const uint8_t *bytes = row;
  switch (format) {
  case CK_FORMAT_F32:
    memcpy(out, row, columns * 4);
    return;
  case CK_FORMAT_F16:
    for (size_t i = 0; i < columns; i++) out[i] = ck_half_to_float(read_half(bytes + 2 * i));
    return;
  case CK_FORMAT_BF16:
    for (size_t i = 0; i < columns; i++)
      out[i] = bits_to_float((uint32_t)read_half(bytes + 2 * i) << 16);
    return;
  case CK_FORMAT_Q4_K:
    for (size_t b = 0; b < columns / CK_SUPERBLOCK; b++)
      dequantise_q4_k(out + b * CK_SUPERBLOCK, bytes + b * 144);
    return;
  case CK_FORMAT_Q6_K:
    for (size_t b = 0; b < columns / CK_SUPERBLOCK; b++)
      dequantise_q6_k(out + b * CK_SUPERBLOCK, bytes + b * 210);
    return;
  default: {
    size_t size = ck_row_size(format, CK_BLOCK);
    for (size_t b = 0; b < columns / CK_BLOCK; b++)
      dequantise_block(out + b * CK_BLOCK, bytes + b * size, format);
  }
  }
}

/* Four-bit rows: a transposition of 32-bit words, because the nibble order is the file's. */
static void pack_codes4(uint8_t *tile, const uint8_t *row, size_t r, ck_format format,
                        size_t blocks) {
  int has_minimum = format == CK_FORMAT_Q4_1;
  size_t size = has_minimum ? 20 : 18;
  uint8_t *scales = tile + blocks * 256;
  for (size_t b = 0; b < blocks; b++, row += size) {
    ck_half d = read_half(row);
    ck_half m = has_minimum ? read_half(row + 2) : ck_float_to_half(-8 * ck_half_to_float(d));
    const uint8_t *nibbles = row + (has_minimum ? 4 : 2);
    for (size_t v = 0; v < 4; v++) memcpy(tile + b * 256 + v * 64 + 4 * r, nibbles + 4 * v, 4);
    memcpy(scales + b * 64 + 2 * r, &d, 2);
    memcpy(scales + b * 64 + 32 + 2 * r, &m, 2);
  }
}

static void pack_codes8(uint8_t *tile, const uint8_t *row, size_t r, ck_format format,
                        size_t blocks) {
  size_t size = ck_row_size(format, CK_BLOCK);
  uint8_t *scales = tile + blocks * 512;
  int8_t codes[CK_BLOCK];
  for (size_t b = 0; b < blocks; b++, row += size) {
    const int8_t *source = (const int8_t *)row + 2;
    if (format == CK_FORMAT_Q5_0) {
      q5_codes(codes, row);
      source = codes;
    }
    for (size_t g = 0; g < 8; g++) memcpy(tile + b * 512 + g * 64 + 4 * r, source + 4 * g, 4);
    memcpy(scales + b * 32 + 2 * r, row, 2);
  }
}

/* Q4_K: the nibbles of a block's two halves are put together as those of the other formats are,
 * and each block gets the product of its scales, rounded. */
static void pack_q4_k(uint8_t *tile, const uint8_t *row, size_t r, size_t blocks) {
  uint8_t *scales = tile + blocks * 256;
  for (size_t b = 0; b < blocks; b++) {
    const uint8_t *superblock = row + b / 8 * 144;
    uint8_t codes[CK_BLOCK], s, t;
    q4_k_scales(superblock, b % 8, &s, &t);
    q4_k_codes(codes, superblock, b % 8);
    for (size_t i = 0; i < 16; i++)
      tile[b * 256 + i / 4 * 64 + 4 * r + i % 4] = (uint8_t)(codes[i] | codes[16 + i] << 4);
    ck_half d = ck_float_to_half(ck_half_to_float(read_half(superblock)) * (float)s);
    ck_half m = ck_float_to_half(-ck_half_to_float(read_half(superblock + 2)) * (float)t);
    memcpy(scales + b * 64 + 2 * r, &d, 2);
    memcpy(scales + b * 64 + 32 + 2 * r, &m, 2);
  }
}

static void pack_fine8(uint8_t *tile, const uint8_t *row, size_t r, size_t blocks) {
  uint8_t *fine = tile + blocks * 512, *coarse = fine + blocks * 32;
  for (size_t b = 0; b < blocks; b++) {
    const uint8_t *superblock = row + b / 8 * 210;
    int8_t codes[CK_BLOCK];
    q6_k_codes(codes, superblock, b % 8);
    for (size_t g = 0; g < 8; g++) memcpy(tile + b * 512 + g * 64 + 4 * r, codes + 4 * g, 4);
    for (size_t h = 0; h < 2; h++)
      fine[b * 32 + h * 16 + r] = superblock[192 + 2 * (b % 8) + h];
    if (b % 8 == 0) memcpy(coarse + b / 8 * 32 + 2 * r, superblock + 208, 2);
  }
}

static void pack_numbers(uint8_t *tile, const uint8_t *row, size_t r, size_t size, size_t columns) {
  for (size_t k = 0; k < columns; k++)
    memcpy(tile + (k * CK_TILE + r) * size, row + k * size, size);
}

void ck_pack(void *tile, const void *rows, size_t row_size, size_t row_count, ck_format format,
             size_t columns) {
  ck_packing packing = ck_packing_for(format);
  if (row_count < CK_TILE) memset(tile, 0, ck_tile_size(packing, columns));
  for (size_t r = 0; r < row_count; r++) {
    const uint8_t *row = (const uint8_t *)rows + r * row_size;
    switch (packing) {
    case CK_PACKING_CODES4:
      if (format == CK_FORMAT_Q4_K) pack_q4_k(tile, row, r, columns / CK_BLOCK);
      else pack_codes4(tile, row, r, format, columns / CK_BLOCK);
      break;
    case CK_PACKING_CODES8: pack_codes8(tile, row, r, format, columns / CK_BLOCK); break;
    case CK_PACKING_HALF:
    case CK_PACKING_BRAIN: pack_numbers(tile, row, r, 2, columns); break;
    case CK_PACKING_FLOAT: pack_numbers(tile, row, r, 4, columns); break;
    case CK_PACKING_FINE8: pack_fine8(tile, row, r, columns / CK_BLOCK); break;
    }
  }
}

float packed_element(const void *tile, ck_packing packing, size_t columns, size_t r, size_t k) {
  const uint8_t *bytes = tile;
  size_t blocks = columns / CK_BLOCK, b = k / CK_BLOCK, i = k % CK_BLOCK;
  switch (packing) {
  case CK_PACKING_CODES4: {
    uint8_t pair = bytes[b * 256 + i % 16 / 4 * 64 + 4 * r + i % 4];
    const uint8_t *scales = bytes + blocks * 256 + b * 64 + 2 * r;
    float d = ck_half_to_float(read_half(scales)), m = ck_half_to_float(read_half(scales + 32));
    return d * (float)(i < 16 ? pair & 15 : pair >> 4) + m;
  }
  case CK_PACKING_CODES8: {
    int8_t code = ((const int8_t *)tile)[b * 512 + i / 4 * 64 + 4 * r + i % 4];
    return ck_half_to_float(read_half(bytes + blocks * 512 + b * 32 + 2 * r)) * (float)code;
  }
  case CK_PACKING_HALF: return ck_half_to_float(((const ck_half *)tile)[k * CK_TILE + r]);
  case CK_PACKING_BRAIN:
    return bits_to_float((uint32_t)((const uint16_t *)tile)[k * CK_TILE + r] << 16);
  case CK_PACKING_FLOAT: return ((const float *)tile)[k * CK_TILE + r];
  case CK_PACKING_FINE8: {
    const int8_t *codes = tile, *fine = codes + blocks * 512;
    float d = ck_half_to_float(read_half(bytes + blocks * 544 + k / CK_SUPERBLOCK * 32 + 2 * r));
    float scale = d * (float)fine[k / 16 * 16 + r];
    return scale * (float)codes[b * 512 + i / 4 * 64 + 4 * r + i % 4];
  }
  }
  return 0;
}

void ck_unpack_row(float *out, const void *tile, ck_packing packing, size_t columns, size_t row) {
  for (size_t k = 0; k < columns; k++) out[k] = packed_element(tile, packing, columns, row, k);
}

size_t ck_flash_scratch(size_t width) {
  /* Queries and accumulators, scores, one block of keys and values as floats, max and sum. */
  return CK_FLASH_ROWS * (2 * width + CK_KEYS + 2) + 2 * CK_KEYS * width;
}

size_t ck_matrix_scratch(size_t width) {
  /* The parts of matrix_scratch, each rounded up to 64 bytes: two sets of queries, 256 keys, values
   * and weights, scores, sums, totals, maxima. */
  const size_t keys = 256;
  return 4 * (2 * CK_MATRIX_ROWS * width + 2 * keys * width + 2 * 32 * (keys + 16) +
              CK_MATRIX_ROWS * (width + 16 + 1)) +
         8 * 64;
}

size_t ck_hadamard_size(size_t width) { return width & (~width + 1); }

void ck_hadamard(float *x, size_t width) {
  for (size_t half = 1; half < ck_hadamard_size(width); half *= 2)
    for (size_t first = 0; first < width; first += 2 * half)
      for (size_t i = first; i < first + half; i++) {
        float a = x[i], b = x[i + half];
        x[i] = a + b;
        x[i + half] = a - b;
      }
}
